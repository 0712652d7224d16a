import { expect, test } from 'vitest';
import { z } from 'zod';
import { LedgerTextError } from '../../accounting/entries-text.ts';
import { endpointError } from '../../accounting/messages.ts';
import { KubeError } from '../kube/kube-error.ts';
import { LedgerError } from '../ledger/ledger-error.ts';
import { SapError } from '../sap/sap-error.ts';
import { EndpointError, errorAnswer } from './errors.ts';

test.each([
  { error: new EndpointError('busy'), status: 503, reason: 'busy' },
  { error: new LedgerError('unavailable', 'x'), status: 503, reason: 'ledger_unavailable' },
  { error: new LedgerError('overloaded', 'x'), status: 503, reason: 'ledger_unavailable' },
  { error: new LedgerError('lost', 'x'), status: 503, reason: 'ledger_unusable' },
  { error: new LedgerError('other_period', 'x'), status: 503, reason: 'ledger_unusable' },
  { error: new LedgerError('full', 'x'), status: 503, reason: 'ledger_unusable' },
  { error: new LedgerError('stopping', 'x'), status: 503, reason: 'stopping' },
  { error: new LedgerTextError('does_not_add_up', 'x'), status: 503, reason: 'ledger_unusable' },
  { error: new SapError('CredentialsInvalid', 'x'), status: 503, reason: 'token_unavailable' },
  {
    error: new KubeError('x', { code: 500, reason: 'InternalError' }),
    status: 503,
    reason: 'api_unavailable',
  },
  { error: new DOMException('x', 'TimeoutError'), status: 503, reason: 'api_unavailable' },
  {
    error: Object.assign(new Error('x'), { type: 'entity.too.large', status: 413 }),
    status: 413,
    reason: 'body_too_large',
  },
  {
    error: Object.assign(new Error('x'), { type: 'request.aborted', status: 400 }),
    status: 400,
    reason: 'malformed',
  },
  { error: new TypeError('secret'), status: 503, reason: 'internal' },
  // What the API server answers is not the sidecar's mistake.
  { error: new z.ZodError([]), status: 503, reason: 'internal' },
  { error: 'thrown text', status: 503, reason: 'internal' },
])('$error becomes $status $reason', ({ error, status, reason }) => {
  const answer = errorAnswer(error);
  expect(answer).toMatchObject({ status, reason, body: { error: { reason } } });
  expect(endpointError.safeParse(answer.body).success).toBe(true);
});

test('what is wrong inside the operator is not told to sidecars', () => {
  expect(errorAnswer(new TypeError('secret')).body.error.message).not.toContain('secret');
});

test('a message is never longer than sidecars take', () => {
  const answer = errorAnswer(new LedgerError('lost', 'x'.repeat(5000)));
  expect(endpointError.safeParse(answer.body).success).toBe(true);
});
