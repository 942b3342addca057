import { AxeBuilder } from '@axe-core/playwright';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { startChromium } from '../servers/chromium.ts';

/** A page of a real Chromium in front of somebody who speaks English. */
export interface Screen extends AsyncDisposable {
  page: Page;
  /** Takes a picture for people, once nothing moves; what axe finds there fails the test, which goes on. */
  look(picture: string): Promise<void>;
}

const pictures = path.join(import.meta.dirname, '../../test-results');

/** Opens the product at `url` for whoever has the cookie of a session, or for nobody yet. The pictures' names begin with that of the screen. */
export async function openScreen(name: string, url: string, cookie?: string): Promise<Screen> {
  await mkdir(pictures, { recursive: true });
  const browser = await startChromium();
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
  });
  if (cookie !== undefined) {
    const [key, value] = cookie.split('; ')[0]!.split('=') as [string, string];
    await context.addCookies([{ name: key, value, url }]);
  }
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const pictureOf = (picture: string) => path.join(pictures, `${name}-${picture}.png`);
  return {
    page,
    async look(picture) {
      // Half-way from one colour to another there is no contrast.
      await expect.poll(() => page.evaluate(moving)).toBe(0);
      await page.screenshot({ path: pictureOf(picture), fullPage: true });
      // Mail is shown in a frame without scripts, into which axe can't go.
      const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
      const found = violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
      );
      expect.soft(found, picture).toEqual([]);
    },
    async [Symbol.asyncDispose]() {
      await page.screenshot({ path: pictureOf('last') }).catch(() => undefined);
      await browser.close();
    },
  };
}

/** How many transitions are under way; those without end are none. */
const moving = () =>
  document
    .getAnimations()
    .filter(({ playState, effect }) => playState === 'running' && Number(effect?.getComputedTiming().endTime) < 1e5)
    .length;
