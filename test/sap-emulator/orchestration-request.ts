import { z } from 'zod';
import { chatMessage, parseJson } from './chat-request.ts';

const name = z.string().min(1).max(256);
const anything = z.unknown().optional();

const model = z.strictObject({
  name,
  version: name.default('latest'),
  params: z.record(z.string(), z.unknown()).default({}),
  timeout: z.int().min(1).max(1200).default(600),
  max_retries: z.int().min(0).max(5).default(2),
});

const template = z.strictObject({
  template: z.array(chatMessage).min(1).max(2048),
  defaults: z.record(z.string(), z.string()).default({}),
  response_format: anything,
  tools: anything,
});
const templateRef = z.strictObject({ template_ref: z.record(z.string(), z.string()) });

/** Modules this emulator does not run; they are accepted here and refused by name later. */
const notRun = ['filtering', 'masking', 'grounding', 'translation'] as const;

const modules = z.strictObject({
  prompt_templating: z.strictObject({ prompt: z.union([template, templateRef]), model }),
  filtering: anything,
  masking: anything,
  grounding: anything,
  translation: anything,
});
export type Modules = z.infer<typeof modules>;

const streamOptions = z.strictObject({
  enabled: z.boolean().default(false),
  chunk_size: z.int().min(1).max(10_000).default(100),
  delimiters: z.array(z.string()).optional(),
});

const completion = z.strictObject({
  config: z.strictObject({
    modules: z.union([modules, z.array(modules).min(1).max(16)]),
    stream: streamOptions.optional(),
  }),
  placeholder_values: z.record(z.string(), z.string()).default({}),
  messages_history: z.array(chatMessage).max(2048).default([]),
});
export type Completion = z.infer<typeof completion>;

const embeddings = z.strictObject({
  config: z.strictObject({
    modules: z.strictObject({ embeddings: z.strictObject({ model }), masking: anything }),
  }),
  input: z.strictObject({
    text: z.union([z.string(), z.array(z.string()).min(1).max(2048)]),
    type: z.enum(['text', 'document', 'query']).optional(),
  }),
});
export type EmbeddingsCompletion = z.infer<typeof embeddings>;

/** What is wrong with a request, in words and where. */
export interface OrchestrationProblem {
  message: string;
  location: string;
}

type Read<T> = { request: T } | { problem: OrchestrationProblem };

/** Reads a body of `v2/completion`; whatever the API does not know is refused. */
export function readCompletion(body: Buffer): Read<Completion> {
  const value = parseJson(body)?.value;
  if (typeof value === 'object' && value !== null && 'config_ref' in value) {
    return notThisOne('config_ref', 'the emulator keeps no configurations');
  }
  const read = readAs(completion, value);
  if ('problem' in read) {
    return read;
  }
  const entries = moduleList(read.request);
  if (entries.some(({ prompt_templating: { prompt } }) => 'template_ref' in prompt)) {
    return notThisOne('template_ref', 'the emulator keeps no templates');
  }
  const used = notRun.find((module) => entries.some((entry) => entry[module] !== undefined));
  return used === undefined ? read : notThisOne(used, 'the emulator does not run this module');
}

/** Reads a body of `v2/embeddings`. */
export function readEmbeddings(body: Buffer): Read<EmbeddingsCompletion> {
  const read = readAs(embeddings, parseJson(body)?.value);
  if ('problem' in read || read.request.config.modules.masking === undefined) {
    return read;
  }
  return notThisOne('masking', 'the emulator does not run this module');
}

/** The configurations to try, in order. */
export function moduleList({ config }: Completion): Modules[] {
  return Array.isArray(config.modules) ? config.modules : [config.modules];
}

function readAs<T>(schema: z.ZodType<T>, value: unknown): Read<T> {
  const result = schema.safeParse(value);
  if (result.success) {
    return { request: result.data };
  }
  const issue = result.error.issues[0];
  const at = issue?.path.join('.') ?? '';
  return {
    problem: {
      message: `${at === '' ? '' : `'${at}' - `}${issue?.message ?? 'not valid'}`,
      location: 'Request Body',
    },
  };
}

function notThisOne(member: string, why: string): { problem: OrchestrationProblem } {
  return { problem: { message: `${member} cannot be used: ${why}.`, location: 'Request Body' } };
}
