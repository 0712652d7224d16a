import { isUnset, refuse, requireList, requireRecord, requireText } from './bound-refusal.ts';
import { boundJsonTokens, boundTextTokens } from './token-bound.ts';

/** What bounds the tokens of a list of chat messages. */
export interface MessagesBound {
  readonly tokens: number;
  /** Path of the first image: its tokens depend on what it shows, up to the model's whole context. */
  readonly imageField: string | undefined;
  /** Whether earlier tool calls are among them: how a template writes those is not published. */
  readonly assumed: boolean;
}

/** Most tokens a template puts around a message: 3 and 1 for a name are published. */
const tokensPerMessage = 8;
/** What separates the parts of one message's content. */
const tokensPerPart = 4;
/** What a template writes around an earlier call of a tool, beyond its JSON. */
const tokensPerToolCall = 16;

const roles: ReadonlySet<unknown> = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);
const textFields: ReadonlySet<string> = new Set(['name', 'tool_call_id', 'refusal']);
const jsonFields: ReadonlySet<string> = new Set(['tool_calls', 'function_call', 'annotations']);

interface Walk {
  tokens: number;
  imageField: string | undefined;
  assumed: boolean;
}

/**
 * Bounds the tokens of `messages`: every text counts, references to what is not in the body are refused.
 *
 * @throws Refused
 */
export function boundMessages(value: unknown): MessagesBound {
  const messages = requireList(value, 'messages');
  if (messages.length === 0) refuse('malformed', 'messages', 'must have at least one message');
  const walk: Walk = { tokens: messages.length * tokensPerMessage, imageField: undefined, assumed: false };
  messages.forEach((message, index) => readMessage(message, `messages[${index}]`, walk));
  return walk;
}

function readMessage(value: unknown, path: string, walk: Walk): void {
  const message = requireRecord(value, path);
  if (!roles.has(message.role)) refuse('malformed', `${path}.role`, 'must be a role of the chat API');
  for (const [field, member] of Object.entries(message)) {
    if (isUnset(member)) continue;
    readField(field, member, { path, walk });
  }
}

function readField(field: string, value: unknown, { path, walk }: { path: string; walk: Walk }): void {
  if (field === 'content') readContent(value, `${path}.content`, walk);
  else if (field === 'role' || textFields.has(field)) {
    walk.tokens += boundTextTokens(requireText(value, `${path}.${field}`));
  } else if (isEmptyList(value)) {
    // An answer that is sent back has such members, and they say nothing.
  } else if (jsonFields.has(field)) {
    walk.assumed = true;
    const calls = Array.isArray(value) ? value.length : 1;
    walk.tokens += boundJsonTokens(value, `${path}.${field}`) + calls * tokensPerToolCall;
  } else
    refuse('field_not_allowed', `${path}.${field}`, 'is not known to leave the price as it is: leave it out');
}

function readContent(value: unknown, path: string, walk: Walk): void {
  if (typeof value === 'string') {
    walk.tokens += boundTextTokens(value);
    return;
  }
  requireList(value, path).forEach((part, index) => readPart(part, `${path}[${index}]`, walk));
}

function readPart(value: unknown, path: string, walk: Walk): void {
  const part = requireRecord(value, path);
  walk.tokens += tokensPerPart;
  switch (part.type) {
    case 'text':
    case 'refusal':
      readTextPart(part, { type: part.type, path, walk });
      return;
    case 'image_url':
      walk.imageField ??= path;
      return;
    default:
      refuse(
        'value_not_allowed',
        `${path}.type`,
        'must be text or image_url: the price of other parts has no bound',
      );
  }
}

function readTextPart(
  part: Record<string, unknown>,
  { type, path, walk }: { type: 'text' | 'refusal'; path: string; walk: Walk },
): void {
  walk.tokens += boundTextTokens(requireText(part[type], `${path}.${type}`));
  for (const [field, value] of Object.entries(part)) {
    if (field === 'type' || field === type || isUnset(value) || isEmptyList(value)) continue;
    refuse('field_not_allowed', `${path}.${field}`, 'is not known to leave the price as it is: leave it out');
  }
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
