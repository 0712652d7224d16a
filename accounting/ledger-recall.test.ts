import { describe, expect, test } from 'vitest';
import { callsForRecall, heldByOthers, isRecallable } from './ledger-recall.ts';
import { setCap } from './ledger.ts';
import { cu, holding } from './ledger-scene.ts';

describe('a holder that is denied', () => {
  test.each([
    { name: 'another one holds something', key: 'pod:b', denied: 5, recall: true },
    { name: 'only it itself does', key: 'pod:a', denied: 5, recall: false },
  ])('calls for a recall: $recall, when $name', ({ key, denied, recall }) => {
    expect(callsForRecall(holding().ledger, { key, denied: cu(denied) })).toBe(recall);
  });

  test('does not when others have spent all they hold', () => {
    const scene = holding();
    scene.report(2, { spent: 6 });
    expect(heldByOthers(scene.ledger, 'pod:b')).toBe(0n);
    expect(callsForRecall(scene.ledger, { key: 'pod:b', denied: cu(5) })).toBe(false);
  });
});

test('a holder that wants nothing calls for no recall', () => {
  expect(callsForRecall(holding().ledger, { key: 'pod:b', denied: 0n })).toBe(false);
});

test('a cap lowered under what is out calls for a recall until all that can come back has', () => {
  const scene = holding();
  setCap(scene.ledger, cu(6));
  expect(isRecallable(scene.ledger)).toBe(false);
  setCap(scene.ledger, cu(2));
  expect(callsForRecall(scene.ledger, { key: 'pod:a', denied: 0n })).toBe(true);
  scene.report(2, { spent: 3, returned: 3 });
  expect(isRecallable(scene.ledger)).toBe(false);
});
