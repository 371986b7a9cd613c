import { describe, expect, test } from '@jest/globals';
import { coercionRules } from '../../../src/compose-coercions.js';
import { dumpConfig, loadConfig, type Config } from '../../../src/config/index.js';

const load = (rules: string, env: Record<string, string> = {}): Config =>
  loadConfig({ file: `store: { coercions: { ${rules} } }`, env: { DICOMGW_PEER: 'A@h:1', ...env } });

describe('rules that change attributes', () => {
  test('are there in their order, with tags and VRs, and what is printed reads back to the same', () => {
    const config = load(
      'b: { peers: [main], when: { PatientID: "A*", IssuerOfPatientID: "" }, set: { StudyID: 7 }, remove: [PatientAge] }, a: { prefix: { AccessionNumber: N- } }',
    );
    const rules = [
      {
        name: 'b',
        peers: ['main'],
        when: [
          { tag: 0x00100020, pattern: 'A*' },
          { tag: 0x00100021, pattern: '' },
        ],
        actions: [
          { kind: 'set', tag: 0x00200010, vr: 'SH', text: '7' },
          { kind: 'remove', tag: 0x00101010, vr: 'AS', text: '' },
        ],
      },
      { name: 'a', when: [], actions: [{ kind: 'prefix', tag: 0x00080050, vr: 'SH', text: 'N-' }] },
    ];
    expect(coercionRules(config)).toMatchObject(rules);
    expect(coercionRules(loadConfig({ file: dumpConfig(config), env: {} }))).toMatchObject(rules);
  });

  test('can come from the environment', () => {
    const config = load('', {
      DICOMGW_STORE_COERCIONS_NORTH_WHEN: 'PatientID=A*;IssuerOfPatientID=',
      DICOMGW_STORE_COERCIONS_NORTH_SET: 'InstitutionName=A=B',
      DICOMGW_STORE_COERCIONS_NORTH_REMOVE: 'PatientAge',
    });
    expect(config.store.coercions['north']).toEqual({
      when: { PatientID: 'A*', IssuerOfPatientID: '' },
      set: { InstitutionName: 'A=B' },
      remove: ['PatientAge'],
    });
  });

  test.each([
    ['x: {}', 'store.coercions.x: changes nothing'],
    ['x: { set: { NoSuchThing: a } }', 'store.coercions.x.set: NoSuchThing is no attribute of text'],
    ['x: { set: { Rows: "5" } }', 'store.coercions.x.set: Rows is no attribute of text'],
    [
      'x: { when: { PixelData: a }, remove: [StudyID] }',
      'store.coercions.x.when: PixelData is no attribute of text',
    ],
    ['x: { set: { StudyInstanceUID: 1.2 } }', 'store.coercions.x.set: StudyInstanceUID cannot be changed'],
    ['x: { remove: [SOPInstanceUID] }', 'store.coercions.x.remove: SOPInstanceUID cannot be changed'],
    ['x: { set: { SpecificCharacterSet: ISO_IR 100 } }', 'SpecificCharacterSet cannot be changed'],
    ['x: { set: { PhotometricInterpretation: RGB } }', 'PhotometricInterpretation cannot be changed'],
    ['x: { set: { Modality: ct } }', 'store.coercions.x.set: Modality takes a value of VR CS'],
    ['x: { set: { StudyDate: yesterday } }', 'store.coercions.x.set: StudyDate takes a value of VR DA'],
    ['x: { set: { AccessionNumber: 12345678901234567 } }', 'AccessionNumber takes a value of VR SH'],
    ['x: { set: { StudyID: a }, remove: [StudyID] }', 'store.coercions.x.remove: StudyID is changed twice'],
    [
      'x: { peers: [elsewhere], remove: [StudyID] }',
      'store.coercions.x.peers: elsewhere is no peer and no group',
    ],
    ['x: { set: [StudyID] }', 'store.coercions.x.set: takes keywords with a text for each'],
    ['x: { set: { studyid: a } }', 'store.coercions.x.set: takes keywords with a text for each'],
    [
      'x: { sets: { StudyID: a } }',
      'store.coercions.x.sets: unknown key; here are peers, when, set, prefix, remove',
    ],
    ['"a b": { remove: [StudyID] }', "store.coercions.a b: a rule's name takes"],
    ['__proto__: { remove: [StudyID] }', 'store.coercions.__proto__: is no name for a rule'],
  ])('%s is refused', (rules, problem) => {
    expect(() => coercionRules(load(rules))).toThrow(problem);
  });
});
