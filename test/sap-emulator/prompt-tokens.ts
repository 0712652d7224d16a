import type { ChatRequest, ContentPart } from './chat-request.ts';

/**
 * The emulator's own model of a tokenizer. Text is cut into runs of letters, digits, blanks or other
 * characters, and a run costs a token for every four of its UTF-8 bytes or part of four; so a string never
 * has more tokens than bytes. On top come the constants below.
 */
const perRequest = 3; // what primes the answer
const perMessage = 4; // role and delimiters
const perName = 1;
const perToolSet = 200; // the hidden instructions that any tool brings along
const perTool = 12;
const perToolCall = 8;
const imageTokens = { low: 85, high: 765 };

const runs = /\p{L}+|\p{N}+|\s+|[^\p{L}\p{N}\s]+/gu;

/** Tokens of a piece of text; at most its UTF-8 bytes. */
export function textTokens(text: string): number {
  let tokens = 0;
  for (const [run] of text.matchAll(runs)) {
    tokens += Math.ceil(Buffer.byteLength(run) / 4);
  }
  return tokens;
}

/** Tokens of a whole request's prompt. */
export function promptTokens(request: ChatRequest): number {
  return countPrompt(request, textTokens);
}

/** The most tokens a request's prompt can have in this model: one a byte, and the constants. */
export function promptBound(request: ChatRequest): number {
  return countPrompt(request, (text) => Buffer.byteLength(text));
}

function countPrompt(request: ChatRequest, count: (text: string) => number): number {
  let tokens = perRequest;
  for (const message of request.messages) {
    tokens += perMessage + contentTokens(message.content, count);
    tokens += message.name === undefined ? 0 : perName + count(message.name);
    for (const call of message.tool_calls ?? []) {
      tokens += perToolCall + count(JSON.stringify(call));
    }
  }
  const tools = [...(request.tools ?? []), ...(request.functions ?? [])];
  tokens += tools.length === 0 ? 0 : perToolSet;
  for (const tool of tools) {
    tokens += perTool + count(JSON.stringify(tool));
  }
  return (
    tokens + (request.response_format === undefined ? 0 : count(JSON.stringify(request.response_format)))
  );
}

function contentTokens(
  content: string | readonly ContentPart[] | null | undefined,
  count: (text: string) => number,
): number {
  if (content === null || content === undefined) {
    return 0;
  }
  if (typeof content === 'string') {
    return count(content);
  }
  return content.reduce((sum, part) => sum + partTokens(part, count), 0);
}

function partTokens(part: ContentPart, count: (text: string) => number): number {
  if (part.type === 'image_url') {
    return part.image_url.detail === 'low' ? imageTokens.low : imageTokens.high;
  }
  return count(part.type === 'text' ? part.text : part.refusal);
}
