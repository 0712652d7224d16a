import { expect, test } from 'vitest';
import { foldRows } from '../../accounting/ledger-fold.ts';
import { cu, holding } from '../../accounting/ledger-scene.ts';
import { snapshotOf } from './ledger-snapshot.ts';

test('what was granted and returned is known, and stays so when its holder has been folded', () => {
  const scene = holding();
  scene.report(2, { spent: 2, returned: 4 });
  const snapshot = () => snapshotOf({ uid: 'u', name: 'team-a.chat.2026-11', ledger: scene.ledger });
  expect(snapshot()).toMatchObject({ granted: cu(6), returned: cu(4), settled: cu(2), holders: 1 });
  scene.nowMs += 86_400_000;
  foldRows(scene.ledger, ['pod:a'], scene.nowMs);
  expect(snapshot()).toMatchObject({ granted: cu(6), returned: cu(4), settled: cu(2), holders: 0 });
});
