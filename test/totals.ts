import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * The last lines of a run: what failed, a line each with the first of its reasons, then, for programs that read it,
 * "120 passed, 0 failed". A file that can't even be loaded counts as one failed test, and so does each check that npm
 * test ran before (types, lint ...). With LETTERLOG_TEST_TOTALS the totals go to that file too, with LETTERLOG_TEST_FAILURES what failed.
 */
export default class Totals implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<unknown>): void {
    let passed = 0;
    const checks = (process.env['LETTERLOG_TEST_FAILED_CHECKS'] ?? '').split(',').filter(Boolean);
    let failed = unhandled.length + checks.length;
    const failures = checks.map((check) => `FAILED ${check}: see its words above`);
    const fail = (where: string, errors: ReadonlyArray<{ message?: string }>): void => {
      failures.push(`FAILED ${where}: ${String(errors[0]?.message ?? 'no reason was given').split('\n')[0]}`);
    };
    for (const error of unhandled) fail('outside a test', [error as Error]);
    for (const module of modules) {
      const file = relative(process.cwd(), module.moduleId);
      failed += module.errors().length;
      if (module.errors().length > 0) fail(file, module.errors());
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === 'passed') passed += 1;
        if (state === 'failed') {
          failed += 1;
          fail(`${file} > ${test.fullName}`, errors);
        }
      }
      for (const suite of module.children.allSuites()) {
        failed += suite.errors().length;
        if (suite.errors().length > 0) fail(`${file} > ${suite.fullName}`, suite.errors());
      }
    }
    const line = `${passed} passed, ${failed} failed`;
    const file = process.env['LETTERLOG_TEST_TOTALS'];
    if (file) appendFileSync(file, `${line}\n`);
    const listed = failures.map((failure) => `${failure}\n`).join('');
    const failuresFile = process.env['LETTERLOG_TEST_FAILURES'];
    if (failuresFile) appendFileSync(failuresFile, listed);
    // After the other reporters' last words.
    process.once('exit', () => process.stdout.write(`\n${listed}${line}\n`));
  }
}
