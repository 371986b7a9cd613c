import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CommandFields, formatCommandSet, parseCommandSet } from '../../../src/dimse/command-set.js';

const number = fc.nat(0xffff);
const uid = fc.stringMatching(/^[12]\.[1-9][0-9]{0,30}$/);
const command = fc.record(
  {
    commandField: number,
    affectedSopClassUid: uid,
    messageId: number,
    messageIdBeingRespondedTo: number,
    moveDestination: fc.stringMatching(/^[A-Z]{1,16}$/),
    priority: number,
    status: number,
    affectedSopInstanceUid: uid,
    remainingSubOperations: number,
    completedSubOperations: number,
    failedSubOperations: number,
    warningSubOperations: number,
    moveOriginatorAeTitle: fc.stringMatching(/^[A-Z]{1,16}$/),
    moveOriginatorMessageId: number,
  },
  { requiredKeys: ['commandField'] },
);

describe('command sets', () => {
  test('are read as they were written, with an even length and the right group length', () => {
    fc.assert(
      fc.property(command, fc.boolean(), (fields, hasDataset) => {
        const bytes = formatCommandSet(fields, hasDataset);
        expect(bytes.length % 2).toBe(0);
        expect(bytes.readUInt32LE(8)).toBe(bytes.length - 12);
        expect(parseCommandSet(bytes)).toEqual({ command: fields, hasDataset });
      }),
    );
  });

  test('have their elements in ascending order, the Command Data Set Type among them', () => {
    const bytes = formatCommandSet(
      { commandField: CommandFields.cFindResponse, messageIdBeingRespondedTo: 1, status: 0, priority: 0 },
      true,
    );
    const elements: number[] = [];
    for (let offset = 0; offset < bytes.length; offset += 8 + bytes.readUInt32LE(offset + 4)) {
      elements.push(bytes.readUInt16LE(offset + 2));
    }
    expect(elements).toEqual([0x0000, 0x0100, 0x0120, 0x0700, 0x0800, 0x0900]);
  });

  test('keep what a peer wrote behind the command group: Orthanc puts (0008,0058) there', () => {
    const response = formatCommandSet({ commandField: CommandFields.cGetResponse, status: 0xc000 }, false);
    const misplaced = Buffer.from('0800580004000000312e3200', 'hex');
    expect(parseCommandSet(Buffer.concat([response, misplaced])).command.misplacedDataset).toEqual(misplaced);
  });

  test('any bytes are a command set or a protocol error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (junk, place) => {
        const bytes = formatCommandSet({ commandField: 1, affectedSopClassUid: '1.2.3', messageId: 4 }, true);
        for (const broken of [Buffer.from(junk), bytes.subarray(0, place % bytes.length)]) {
          try {
            parseCommandSet(broken);
          } catch (error) {
            expect(error).toMatchObject({ code: 'peer-protocol' });
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
