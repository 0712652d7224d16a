/** Namespace the operator runs in. */
export const operatorNamespace = 'sap-ai-budget';
