import { ProblemError } from '../../api/request.ts';

/** Why a map can't be published: by element and field ('' for the element itself), and what belongs to none of them. */
export function problemsOf(error: unknown): { byElement: Map<string, Record<string, string>>; rest: unknown } {
  const byElement = new Map<string, Record<string, string>>();
  if (!(error instanceof ProblemError)) return { byElement, rest: error };
  const whole: string[] = [];
  for (const { path, message } of error.errors) {
    const [, id, field = ''] = /^elements\.([^.]+)(?:\.(.+))?$/.exec(path) ?? [];
    if (id === undefined) whole.push(message);
    else byElement.set(id, { ...byElement.get(id), [field]: message });
  }
  if (byElement.size > 0 && whole.length === 0) {
    return {
      byElement,
      rest: new ProblemError(
        error.status,
        error.code,
        'Nothing was published. What has to be changed is marked below.',
      ),
    };
  }
  return {
    byElement,
    rest: whole.length > 0 ? new ProblemError(error.status, error.code, whole.join(' '), error.hint) : error,
  };
}
