/** A model and its version, as SAP's catalogue names them. */
export interface ModelVersion {
  model: string;
  version: string;
}

/** Stands for what belongs to no model, and for a version that cannot be told. */
export const noName = '-';

/**
 * Which model SAP's `application` (`<model>-<version>`) is: one of those that are known, or else what is left before
 * the last part that looks like a version; what looks like none is a model without version.
 */
export function modelOf(application: string, known: readonly ModelVersion[]): ModelVersion {
  if (application === '') return { model: noName, version: noName };
  const match = known.find(({ model, version }) => `${model}-${version}` === application);
  if (match !== undefined) return { model: match.model, version: match.version };
  const parts = /^(.{1,256}?)-(\d{4}-\d{2}-\d{2}|\d{1,6})$/.exec(application);
  if (parts?.[1] === undefined || parts[2] === undefined) return { model: application, version: noName };
  return { model: parts[1], version: parts[2] };
}
