import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { type ChatResult, chat } from '../world/chat.ts';
import { exact } from '../world/exact.ts';
import type { Workload } from '../world/world.ts';
import { Affordable } from './affordable.ts';
import type { Scene } from './scene.ts';

const refusal = z.object({ error: z.object({ sapaibudget: z.object({ requestedAtLeast: z.string() }) }) });

/** What clients saw. */
export interface Tally {
  served: number;
  /** By the reason that the answer gave. */
  refused: Map<string, number>;
  /** Of those for the budget's sake, those during which the sidecars' own figures had enough for the request all the time. */
  refusedWhileAffordable: number;
  cutShort: number;
  /** Of these, those during which the client's own limit could have been paid for all the time. */
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

/** Adds what one tally has to another one. */
export function addTally(to: Tally, from: Tally): void {
  to.served += from.served;
  for (const [reason, times] of from.refused) countReason(to, reason, times);
  to.refusedWhileAffordable += from.refusedWhileAffordable;
  to.cutShort += from.cutShort;
  to.cutShortWhileAffordable += from.cutShortWhileAffordable;
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
  const affordable = new Affordable(scene);
  await affordable.look();
  const calls = scene.pods.map((pod, index) => callOn(pod, { scene, affordable, tally, signal, index }));
  await Promise.all([affordable.watch(signal), ...calls]);
}

interface Counting {
  scene: Scene;
  affordable: Affordable;
  tally: Tally;
}

async function callOn(
  pod: Workload,
  { signal, index, ...counting }: Counting & { signal: AbortSignal; index: number },
): Promise<void> {
  for (let number = index; !signal.aborted; number += 1) {
    const sentAtMs = performance.now();
    const result = await chat(pod, {
      outTokens: 40 + ((number * 37) % 160),
      maxTokens: 200,
      directives: directives[number % directives.length] ?? '',
    });
    await count(result, { ...counting, sentAtMs });
    await pause(result.status === 200 ? 30 : 200);
  }
}

/** Adds one result; where the budget refused, the truth is looked up. */
export async function count(
  result: ChatResult,
  { scene, affordable, tally, sentAtMs }: Counting & { sentAtMs: number },
): Promise<void> {
  noteWorstCase(scene, result);
  if (result.status === 200) tally.served += 1;
  else countReason(tally, result.reason ?? `status ${result.status}`);
  if (result.cutShort) tally.cutShort += 1;
  const missing = result.cutShort ? scene.worstCase - exact(result.reserved) : needOf(result);
  if (missing === undefined) return;
  const left = await affordable.leastSince(sentAtMs);
  if (left === undefined || left < missing) return;
  tally[result.cutShort ? 'cutShortWhileAffordable' : 'refusedWhileAffordable'] += 1;
}

function noteWorstCase(scene: Scene, { cutShort, reserved }: ChatResult): void {
  if (!cutShort && exact(reserved) > scene.worstCase) scene.worstCase = exact(reserved);
}

function countReason({ refused }: Tally, reason: string, times = 1): void {
  refused.set(reason, (refused.get(reason) ?? 0) + times);
}

/** What the refusal itself says the request needs at least (exact CU); undefined unless it was the budget's. */
export function needOf(result: ChatResult): bigint | undefined {
  const told = refusal.safeParse(result.refusal);
  return told.success ? exact(told.data.error.sapaibudget.requestedAtLeast) : undefined;
}
