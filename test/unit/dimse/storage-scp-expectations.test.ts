import { describe, expect, test } from '@jest/globals';

import { GatewayError } from '../../../src/core/index.js';
import {
  MoveExpectations,
  type DatasetIdentity,
  type ExpectedMove,
  type MoveExpectation,
  type Reception,
  type StoreOrigin,
} from '../../../src/dimse/storage-scp-expectations.js';

function expectation(changes: Partial<MoveExpectation>): MoveExpectation {
  return {
    peer: 'main',
    peerAeTitle: 'PACS',
    originatorAeTitle: 'GATEWAY',
    messageId: 1,
    studyInstanceUids: ['1.2'],
    seriesInstanceUids: [],
    sopInstanceUids: [],
    receiver: () => ({ write: () => undefined, end: () => 0, fail: () => undefined }),
    onActivity: () => undefined,
    onHold: () => () => undefined,
    ...changes,
  };
}

function correlate(
  moves: MoveExpectations,
  origin: Partial<StoreOrigin>,
  identity?: DatasetIdentity,
): readonly ExpectedMove[] {
  const correlation = moves.correlate({ callingAeTitle: 'PACS', sopInstanceUid: '9.9', ...origin });
  return correlation.kind === 'known' ? correlation.moves : correlation.decide(identity);
}

const reception = (association: object = {}): Reception & { readonly cancelled: GatewayError[] } => {
  const cancelled: GatewayError[] = [];
  return { association, cancelled, cancel: (error) => cancelled.push(error) };
};
const named = { originatorAeTitle: 'GATEWAY', originatorMessageId: 1 };
const error = new GatewayError('cancelled', 'over');

describe('W-43: which C-MOVE an instance is for', () => {
  test('a series-level move by Message ID, when its study and series fit', () => {
    const moves = new MoveExpectations();
    const first = moves.add(expectation({ seriesInstanceUids: ['1.2.1'] }));
    moves.add(expectation({ seriesInstanceUids: ['1.2.1'], messageId: 2 }));
    const identity = { studyInstanceUid: '1.2', seriesInstanceUid: '1.2.1' };
    expect(correlate(moves, named, identity)).toEqual([first]);
  });

  test('by Message ID alone when the dataset tells nothing', () => {
    const moves = new MoveExpectations();
    moves.add(expectation({ messageId: 2 }));
    const first = moves.add(expectation({}));
    expect(correlate(moves, named)).toEqual([first]);
  });

  test('two moves with the same Message ID, of two associations, are told apart by series', () => {
    const moves = new MoveExpectations();
    const one = moves.add(expectation({ seriesInstanceUids: ['1.2.1'] }));
    const two = moves.add(expectation({ seriesInstanceUids: ['1.2.2'] }));
    const of = (seriesInstanceUid: string) =>
      correlate(moves, named, { studyInstanceUid: '1.2', seriesInstanceUid });
    expect(of('1.2.1')).toEqual([one]);
    expect(of('1.2.2')).toEqual([two]);
    expect(of('1.2.3')).toEqual([]);
    expect(correlate(moves, named)).toEqual([]);
  });

  test('a listed instance is for every move that lists it, those that are named first', () => {
    const moves = new MoveExpectations();
    const one = moves.add(expectation({ sopInstanceUids: ['9.9', '9.8'] }));
    const two = moves.add(expectation({ sopInstanceUids: ['9.9'], messageId: 2 }));
    expect(correlate(moves, named)).toEqual([one]);
    expect(correlate(moves, {})).toEqual([one, two]);
    expect(correlate(moves, { ...named, sopInstanceUid: '9.7' })).toEqual([]);
  });

  test('the AE title that sends decides between moves of the same study at two peers', () => {
    const moves = new MoveExpectations();
    const here = moves.add(expectation({}));
    const there = moves.add(expectation({ peerAeTitle: 'OTHER' }));
    const identity = { studyInstanceUid: '1.2', seriesInstanceUid: '1.2.1' };
    expect(correlate(moves, {}, identity)).toEqual([here]);
    expect(correlate(moves, { callingAeTitle: 'OTHER' }, identity)).toEqual([there]);
    expect(correlate(moves, { callingAeTitle: 'THIRD' }, identity)).toEqual([here, there]);
  });

  test('a dataset that tells nothing goes to the only move of its sender, unless it names another C-MOVE of ours', () => {
    const moves = new MoveExpectations();
    const only = moves.add(expectation({ messageId: 7 }));
    expect(correlate(moves, {})).toEqual([only]);
    expect(correlate(moves, { originatorAeTitle: 'PACS', originatorMessageId: 3 })).toEqual([only]);
    expect(correlate(moves, named)).toEqual([]);
    expect(correlate(moves, { callingAeTitle: 'OTHER' })).toEqual([]);
    moves.add(expectation({ messageId: 8 }));
    expect(correlate(moves, {})).toEqual([]);
  });

  test('a move that is over gets nothing', () => {
    const moves = new MoveExpectations();
    const move = moves.add(expectation({ sopInstanceUids: ['9.9'] }));
    move.end(error);
    expect(correlate(moves, named)).toEqual([]);
    expect(moves.size).toBe(0);
  });
});

describe('what a move counts', () => {
  test('W-44: it is settled when as many as announced were answered, each instance once', () => {
    const move = new MoveExpectations().add(expectation({}));
    const association = {};
    for (const uid of ['1', '1', '2']) {
      const one = reception(association);
      move.begin(one);
      expect(move.isSettled(0)).toBe(false);
      move.finish(one, uid, true);
    }
    expect(move.received).toBe(2);
    expect([move.isSettled(2), move.isSettled(3)]).toEqual([true, false]);
    const refused = reception(association);
    move.begin(refused);
    move.finish(refused, '3', false);
    expect([move.received, move.isSettled(3)]).toEqual([2, true]);
  });

  test('W-44: it is settled with less when every association that brought something is closed', () => {
    const moves = new MoveExpectations();
    const move = moves.add(expectation({}));
    const association = {};
    expect(move.isSettled(1)).toBe(false);
    const one = reception(association);
    move.begin(one);
    move.finish(one, '1', true);
    expect(move.isSettled(5)).toBe(false);
    moves.associationEnded(association);
    expect(move.isSettled(5)).toBe(true);
  });

  test('its end gives up what is on its way in, once', async () => {
    const move = new MoveExpectations().add(expectation({}));
    const one = reception();
    move.begin(one);
    const changed = move.changed();
    move.end(error);
    move.end(error);
    await changed;
    await move.changed();
    expect(one.cancelled).toEqual([error]);
    expect([move.isOver, move.running]).toEqual([true, 0]);
  });
});
