import type { Emulator } from '../../test/sap-emulator/emulator.ts';

/** What the emulator bills, in nano-CU, rounded up once for each inference. */
export function billedBy(emulator: Emulator): bigint {
  return emulator.books
    .read()
    .entries.map(({ capacityUnits }) => ceilNano(capacityUnits))
    .reduce((sum, nano) => sum + nano, 0n);
}

function ceilNano(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  const nano = BigInt(whole) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return /[1-9]/.test(fraction.slice(9)) ? nano + 1n : nano;
}
