import { afterEach, beforeAll, beforeEach } from 'vitest';
import type { LeaseAnswer } from '../../accounting/messages.ts';
import type { ControlPlaneAccess } from '../../test/control-plane/access.ts';
import { installCustomResources } from '../../test/control-plane/custom-resources.ts';
import { sharedControlPlane } from '../../test/control-plane/fixture.ts';
import type { LeaseBook } from './ledgers.ts';
import { budget, holder, need, startSide } from './test-ledgers.ts';
import type { LedgerSide } from './test-ledgers.ts';

const { signal } = new AbortController();

/** A namespace for each test of a file, and the operators it starts there; all of it is gone after the test. */
export class LedgerWorld {
  controlPlane: ControlPlaneAccess = sharedControlPlane();
  namespace = '';
  #sides: LedgerSide[] = [];

  /** Ties a world to the tests of the file that calls this. */
  static forFile(): LedgerWorld {
    const world = new LedgerWorld();
    beforeAll(() => installCustomResources(world.controlPlane));
    beforeEach(async () => {
      world.namespace = await world.controlPlane.createNamespace({ prefix: 'ledgers' });
    });
    afterEach(() => world.#end());
    return world;
  }

  async start(
    options: {
      expireEveryMs?: number;
      foldEveryMs?: number;
      tellEveryMs?: number;
      lookEveryMs?: number;
    } = {},
  ): Promise<LedgerSide> {
    const side = await startSide(this.controlPlane, { namespace: this.namespace, ...options });
    this.#sides.push(side);
    return side;
  }

  /** An operator whose budget has that much, and its ledger. */
  async startWith(
    cap: string,
    options: { expireEveryMs?: number } = {},
  ): Promise<{ side: LedgerSide; uid: string; name: string; book: LeaseBook }> {
    const side = await this.start(options);
    const { uid, name } = await side.ledgers.ensureLedger(need(cap), { signal });
    return { side, uid, name, book: await bookOf(side, uid) };
  }

  async #end(): Promise<void> {
    await Promise.all(this.#sides.splice(0).map((side) => side.stop()));
    await this.controlPlane.call({ method: 'DELETE', path: `/api/v1/namespaces/${this.namespace}` });
  }
}

/** The ledger of that uid, which must be there. */
export async function bookOf({ ledgers }: LedgerSide, uid: string): Promise<LeaseBook> {
  const book = await ledgers.find(uid, budget, { signal });
  if (book === undefined) throw new Error(`no ledger ${uid}`);
  return book;
}

/** Opens a lease and asks for that many CU. */
export async function ask(
  side: LedgerSide,
  uid: string,
  { name, amount }: { name: string; amount: string },
): Promise<LeaseAnswer> {
  const pod = holder(name);
  const book = await bookOf(side, uid);
  await book.handle(pod.open(uid), pod.context(side.clock.nowMs()));
  return book.handle(pod.report(uid, { ask: amount }), pod.context(side.clock.nowMs()));
}
