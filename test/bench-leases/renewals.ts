import { randomUUID } from 'node:crypto';
import { KubeConfig } from '@kubernetes/client-node';
import { parseAmount } from '../../accounting/amount.ts';
import { newLedger } from '../../accounting/ledger.ts';
import { handleLeaseRequest } from '../../accounting/ledger-transitions.ts';
import type { MessageContext } from '../../accounting/message-context.ts';
import { schemaVersion } from '../../accounting/message-parts.ts';
import type { LeaseRequest, ReportRequest } from '../../accounting/messages.ts';
import { periodAt } from '../../accounting/period.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { systemClock } from '../../operator/kube/clock.ts';
import { LedgerStore } from '../../operator/ledger/ledger-store.ts';
import { LedgerWriter, type WriteReport } from '../../operator/ledger/ledger-writer.ts';
import { WriteRate } from '../../operator/ledger/write-rate.ts';
import type { ControlPlaneAccess } from '../control-plane/access.ts';

/** What renewals of a ledger of some size cost the operator, without the network to its holders. */
export interface RenewalCost {
  holders: number;
  round: number;
  renewals: number;
  cpuMs: number;
  writtenBytes: number;
  writes: number;
  /** Of one renewal that nothing else waits with. */
  aloneMs: number[];
}

interface Subject {
  writer: LedgerWriter;
  holders: Holder[];
}

const rule = { timeZone: 'Etc/UTC', startDay: 1 };
const leaseSeconds = 300;
const openAtOnce = 1000;
/** As many at once as come within a moment from a thousand holders. */
const atOnce = 20;

/** Ledgers of several sizes on a real API server, kept by the operator's own code in this process. */
export class RenewalBench {
  readonly #store: LedgerStore;
  readonly #kube: KubeClient;
  readonly #ending = new AbortController();
  readonly #writes: WriteReport[] = [];
  readonly #subjects = new Map<number, Subject>();

  constructor(controlPlane: ControlPlaneAccess, namespace: string) {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(controlPlane.kubeconfigPath('admin'));
    this.#kube = new KubeClient(kubeConfig, { fieldManager: 'bench' });
    this.#store = new LedgerStore({ kube: this.#kube, namespace });
  }

  /** Makes a ledger with that many holders, each with a lease. */
  async open(holders: number): Promise<void> {
    const budget = { namespace: 'bench', name: `holders-${holders}` };
    const period = periodAt(systemClock.nowMs(), rule);
    const ledger = newLedger({ budget, period, cap: parseAmount('1000000') });
    const stored = await this.#store.create(ledger, { createdFor: 'bench', ...rule });
    const writer = new LedgerWriter({
      store: this.#store,
      stored,
      clock: systemClock,
      // As much as it takes: what is measured is what it takes.
      rate: new WriteRate({ clock: systemClock, bytesPerSecond: 1e9, burstBytes: 1e9 }),
      onEvents: () => undefined,
      onFailure: () => undefined,
      onChange: () => undefined,
      onWrite: (report) => this.#writes.push(report),
      signal: this.#ending.signal,
    });
    const { uid } = stored;
    const all = Array.from(
      { length: holders },
      (_, index) => new Holder(index, { uid, budget: budget.name }),
    );
    for (let opened = 0; opened < holders; opened += openAtOnce)
      await Promise.all(all.slice(opened, opened + openAtOnce).map((holder) => holder.open(writer)));
    this.#subjects.set(holders, { writer, holders: all });
  }

  /** One round: renewals of random holders, several at once, and some alone. */
  async round(
    holders: number,
    { renewals, round }: { renewals: number; round: number },
  ): Promise<RenewalCost> {
    const entry = this.#subjects.get(holders);
    if (entry === undefined) throw new Error(`no ledger of ${holders} holders was opened`);
    this.#writes.length = 0;
    const before = process.cpuUsage();
    for (let done = 0; done < renewals; done += atOnce) await this.#renewSome(entry);
    const used = process.cpuUsage(before);
    const written = this.#writes.filter(({ outcome }) => outcome === 'written');
    const aloneMs: number[] = [];
    for (let lap = 0; lap < 20; lap += 1) {
      const startedMs = performance.now();
      await pick(entry.holders).report(entry.writer, '0.001');
      aloneMs.push(performance.now() - startedMs);
    }
    return {
      holders,
      round,
      renewals,
      cpuMs: (used.user + used.system) / 1000,
      writtenBytes: written.reduce((sum, { bytes }) => sum + bytes, 0),
      writes: written.length,
      aloneMs,
    };
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.#subjects.values()].map(({ writer }) => writer.idle));
    await this.#kube.close();
  }

  async #renewSome({ writer, holders }: Subject): Promise<void> {
    const chosen = new Set(Array.from({ length: atOnce }, () => pick(holders)));
    await Promise.all([...chosen].map((holder) => holder.report(writer, '0.001')));
  }
}

/** One holder that reports what it spent and asks for as much again. */
class Holder {
  readonly #context: Omit<MessageContext, 'nowMs'>;
  readonly #ledger: { uid: string; budget: string };
  #seq = 0;
  #spent = 0n;

  constructor(index: number, ledger: { uid: string; budget: string }) {
    const name = `bench/chat-7f9c8d6b5-${String(index).padStart(5, '0')}`;
    this.#context = { key: `pod:${randomUUID()}`, name, leaseSeconds, mayGrant: true };
    this.#ledger = ledger;
  }

  async open(writer: LedgerWriter): Promise<void> {
    await this.#send(writer, { ...this.#identity, kind: 'open', processId: '0123456789abcdef' });
    await this.report(writer, '1');
  }

  async report(writer: LedgerWriter, ask: string): Promise<void> {
    const amount = parseAmount(ask);
    this.#seq += 1;
    const request: ReportRequest = {
      ...this.#identity,
      kind: 'report',
      incarnation: 1,
      seq: this.#seq,
      spent: this.#spent,
      overrun: 0n,
      returned: 0n,
      unknown: [],
      ask: { need: amount, want: amount },
    };
    this.#spent += amount;
    await this.#send(writer, request);
  }

  get #identity(): { schema: typeof schemaVersion; budget: string; ledgerUid: string } {
    return { schema: schemaVersion, budget: this.#ledger.budget, ledgerUid: this.#ledger.uid };
  }

  async #send(writer: LedgerWriter, request: LeaseRequest): Promise<void> {
    const context = { ...this.#context, nowMs: systemClock.nowMs() };
    const answer = await writer.submit((ledger) => {
      const { answer: result, events } = handleLeaseRequest(ledger, request, context);
      return { result, events };
    });
    if (answer.kind === 'refused') throw new Error(`refused: ${answer.message}`);
  }
}

function pick<T>(all: readonly T[]): T {
  const one = all[Math.floor(Math.random() * all.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}
