import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startChromium } from './chromium.ts';

test('the browser opens a page of this machine and runs its scripts', async () => {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<h1>old</h1><script>document.querySelector("h1").textContent = "new"</script>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const browser = await startChromium();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(await page.textContent('h1')).toBe('new');
  } finally {
    await browser.close();
    server.close();
  }
});
