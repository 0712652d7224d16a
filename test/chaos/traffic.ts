import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { type ChatResult, chat } from '../world/chat.ts';
import { exact } from '../world/exact.ts';
import type { Workload } from '../world/world.ts';
import { type Scene, spendable } from './scene.ts';

const refusal = z.object({ error: z.object({ sapaibudget: z.object({ requestedAtLeast: z.string() }) }) });

/** What clients saw. */
export interface Tally {
  served: number;
  /** By the reason that the answer gave. */
  refused: Map<string, number>;
  /** Of those for the budget's sake, those after which the sidecars' own figures had enough for the request. */
  refusedWhileAffordable: number;
  cutShort: number;
  /** Of these, those after which the client's own limit could have been paid for. */
  cutShortWhileAffordable: number;
}

/** Nothing so far. */
export function emptyTally(): Tally {
  return {
    served: 0,
    refused: new Map(),
    refusedWhileAffordable: 0,
    cutShort: 0,
    cutShortWhileAffordable: 0,
  };
}

/** SAP as it is on most days, and now and then slow, without usage, or with a connection that breaks. */
const directives = [
  '',
  '',
  '',
  '[[fault=slow-first-byte]]',
  '[[fault=no-usage]]',
  '',
  '[[fault=slow-chunks]]',
  '[[fault=abrupt-close]]',
];

/** Every pod calls, one call after the other, until the signal fires. */
export async function keepCalling(scene: Scene, tally: Tally, signal: AbortSignal): Promise<void> {
  await Promise.all(scene.pods.map((pod, index) => callOn(pod, { scene, tally, signal, index })));
}

async function callOn(
  pod: Workload,
  { scene, tally, signal, index }: { scene: Scene; tally: Tally; signal: AbortSignal; index: number },
): Promise<void> {
  for (let number = index; !signal.aborted; number += 1) {
    const outTokens = 40 + ((number * 37) % 160);
    const result = await chat(pod, {
      outTokens,
      maxTokens: 200,
      directives: directives[number % directives.length] ?? '',
    });
    await count(result, { scene, tally });
    await pause(result.status === 200 ? 30 : 200);
  }
}

/** Adds one result; where the budget refused, the truth is looked up. */
export async function count(
  result: ChatResult,
  { scene, tally }: { scene: Scene; tally: Tally },
): Promise<void> {
  const reserved = exact(result.reserved);
  if (reserved > scene.worstCase && !result.cutShort) scene.worstCase = reserved;
  if (result.status === 200) {
    tally.served += 1;
    if (result.cutShort) await countCutShort(reserved, { scene, tally });
    return;
  }
  const reason = result.reason ?? `status ${result.status}`;
  tally.refused.set(reason, (tally.refused.get(reason) ?? 0) + 1);
  const needed = needOf(result);
  if (needed === undefined) return;
  const left = await spendable(scene);
  if (left !== undefined && left >= needed) tally.refusedWhileAffordable += 1;
}

async function countCutShort(
  reserved: bigint,
  { scene, tally }: { scene: Scene; tally: Tally },
): Promise<void> {
  tally.cutShort += 1;
  const left = await spendable(scene);
  if (left !== undefined && left + reserved >= scene.worstCase) tally.cutShortWhileAffordable += 1;
}

/** What the refusal itself says the request needs at least (exact CU); undefined unless it was the budget's. */
export function needOf(result: ChatResult): bigint | undefined {
  const told = refusal.safeParse(result.refusal);
  return told.success ? exact(told.data.error.sapaibudget.requestedAtLeast) : undefined;
}
