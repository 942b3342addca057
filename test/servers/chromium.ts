import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

/**
 * Debian's Chromium, without a window. Without these flags it doesn't run as root, and calls its maker's servers at every start,
 * which on a closed network only costs time.
 */
export async function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['LETTERLOG_TEST_CHROMIUM'] ?? '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
    ],
  });
}
