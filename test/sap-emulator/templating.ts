import type { Completion, Modules } from './orchestration-request.ts';

const placeholder = /\{\{\s*\?\s*([\w-]+)\s*\}\}/g;

/**
 * The conversation a model gets: history first, then the template with its placeholders filled. A placeholder
 * without a value or default is named in `missing`.
 */
export function renderMessages(
  { placeholder_values: given, messages_history: history }: Completion,
  { prompt_templating: { prompt } }: Modules,
): { messages: unknown[]; templated: unknown[] } | { missing: string[] } {
  if (!('template' in prompt)) {
    return { missing: [] };
  }
  const values = new Map(Object.entries({ ...prompt.defaults, ...given }));
  const missing = new Set<string>();
  const fill = (text: string): string =>
    text.replaceAll(placeholder, (_match, name: string) => {
      const value = values.get(name);
      if (value === undefined) {
        missing.add(name);
      }
      return value ?? '';
    });
  const templated = prompt.template.map((message) => ({
    ...message,
    content: fillContent(message.content, fill),
  }));
  return missing.size > 0 ? { missing: [...missing] } : { messages: [...history, ...templated], templated };
}

function fillContent(content: unknown, fill: (text: string) => string): unknown {
  if (typeof content === 'string') {
    return fill(content);
  }
  if (!Array.isArray(content)) {
    return content;
  }
  return content.map((part: unknown) =>
    typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string'
      ? { ...part, text: fill(part.text) }
      : part,
  );
}
