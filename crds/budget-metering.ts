import { z } from 'zod';
import { headerText, maxHeaderText, maxMetricParam } from '../accounting/unified-metering.ts';

const text = z.string().min(1).max(maxHeaderText).regex(headerText);

const businessMetric = z
  .object({
    pattern: z
      .enum(['COUNT', 'PAGES'])
      .describe(
        'COUNT: calls with the same business context within `param` minutes count once. PAGES: blocks of `param` tokens count.',
      ),
    param: z.int32().min(1).max(maxMetricParam).describe('Minutes for COUNT, tokens in a block for PAGES.'),
  })
  .describe('How AI units are counted.');

/** What SAP's unified metering is told. */
export const unifiedMetering = z
  .object({
    useCaseId: text.describe('Use case or feature, as SAP assigned it (header X-USECASE-ID).'),
    productType: text.describe('Product (header X-PRODUCT-TYPE).'),
    businessMetric,
    localTenantId: z
      .string()
      .max(maxHeaderText)
      .regex(/^([!-~]([ -~]*[!-~])?)?$/)
      .optional()
      .describe("Tenant of the application's user (header X-LOCALTENANT-ID). Empty where there is none."),
  })
  .optional()
  .describe(
    "What SAP's unified metering (AI units) is told of calls that do not say it in headers of their own. The annotation sapai.eerly.ai/unified-metering of a pod takes precedence, member by member.",
  );
