import type { BoundRefusal } from '../../accounting/bound-refusal.ts';
import { ProxyError } from '../proxy-error.ts';

/** A bound, or the refusal as it is answered. */
export function requireBound<T extends { kind: 'bound' }>(bound: T | BoundRefusal): T {
  if (bound.kind === 'refused')
    throw new ProxyError('request_not_bounded', bound.message, { field: bound.field });
  return bound;
}
