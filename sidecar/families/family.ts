import type { OutputLimitField } from '../../accounting/chat-bound.ts';
import type { DeploymentConfiguration } from '../../accounting/configuration-messages.ts';
import type { Price } from '../../accounting/price.ts';
import type { Usage } from '../../accounting/usage.ts';
import type { Catalogue, PricedModel } from '../catalogue.ts';
import type { Surface } from '../error-answer.ts';
import type { StreamMeter, StreamMeterOptions } from '../streams/stream-meter.ts';
import type { AnswerReport } from '../steps/settlement.ts';

/** One model call that a request may cause, as far as the request bounds it. */
export interface AttemptOutline {
  readonly model: PricedModel;
  /** Most input tokens, cached ones included. */
  readonly inputTokens: number;
  readonly choices: number;
  /** How much a model may answer, and where it is told so; absent when there is no output. */
  readonly output?: { readonly field: OutputLimitField; readonly limit: number | undefined };
}

/** A request whose input has a bound. */
export interface Outline {
  /** At least one; in the order in which they are tried. */
  readonly attempts: readonly AttemptOutline[];
  readonly certainty: 'proved' | 'assumed';
  /** Whether the client wants to see usage in its stream. */
  readonly usageWanted: boolean;
  /**
   * The body for SAP, with these output limits in order of the attempts where they are set. Made from the decoded
   * body: where a name appears twice in the text, what was bounded and what SAP reads could differ. Members that stay as
   * they are must be the same values, so that `bodyToSend` knows.
   */
  readonly write: (limits: readonly (number | undefined)[]) => Record<string, unknown>;
}

/** Where a request goes. */
export interface OutlineContext {
  readonly catalogue: Catalogue;
  readonly deployment: DeploymentConfiguration;
}

/** What the pipeline has to know about one inference API; everything else is the same for all. */
export interface Family {
  /** Whose error shape it speaks. */
  readonly surface: Surface;
  /** Below `/v2/inference/deployments/{id}`. */
  readonly path: string;
  /** Executables of deployments that serve it. */
  readonly executables: readonly string[];
  /**
   * Bounds a request.
   *
   * @throws ProxyError `request_not_bounded` naming the field; `model_…` where a model has no price
   */
  readonly outline: (body: Record<string, unknown>, context: OutlineContext) => Outline;
  readonly readUsage: (raw: unknown) => Usage | undefined;
  /** What a whole answer, decoded, tells about its cost. */
  readonly readAnswer: (answer: Record<string, unknown>) => AnswerReport;
  readonly createMeter: (options: StreamMeterOptions) => StreamMeter;
  /** The text of a whole answer with its cost in it, where the API's answers carry it. */
  readonly annotate: (text: string, price: Price) => string;
}
