import { type Exchange, sendPlain } from '../exchange.ts';
import { ProxyError } from '../proxy-error.ts';
import type { Receipts } from '../receipts.ts';

/**
 * Says what a request cost, by the id in its answer's `sapaibudget-request-id`.
 *
 * @throws ProxyError `request_not_found`
 */
export function answerReceipt(exchange: Exchange, receipts: Receipts, requestId: string): void {
  const receipt = receipts.find(requestId);
  if (receipt === undefined)
    throw new ProxyError(
      'request_not_found',
      'no receipt for this id: refused requests have none, one under way gets it when its answer ends, and the last 1,000 are kept',
    );
  sendPlain(exchange, {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(receipt),
  });
}
