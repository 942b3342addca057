import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate for the names, signed by a CA of its own: { ca (PEM), caFile, cert and key (files) }. */
export async function makeCertificate(
  folder: string,
  names: string[] = ['localhost', '127.0.0.1'],
): Promise<{ ca: string; caFile: string; cert: string; key: string }> {
  await mkdir(folder, { recursive: true });
  const file = (name: string) => path.join(folder, name);
  const alternative = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    ...['req', '-x509', ...curve, '-days', '30', '-subj', '/CN=Letterlog test CA'],
    ...['-keyout', file('ca.key'), '-out', file('ca.pem')],
  ]);
  await run('openssl', [
    ...['req', ...curve, '-subj', `/CN=${names[0]}`],
    ...['-keyout', file('key.pem'), '-out', file('request.pem')],
  ]);
  await writeFile(file('extensions'), `subjectAltName=${alternative}\n`);
  await run('openssl', [
    ...['x509', '-req', '-in', file('request.pem'), '-CA', file('ca.pem'), '-CAkey', file('ca.key')],
    ...['-CAcreateserial', '-days', '30', '-extfile', file('extensions'), '-out', file('cert.pem')],
  ]);
  return {
    ca: await readFile(file('ca.pem'), 'utf8'),
    caFile: file('ca.pem'),
    cert: file('cert.pem'),
    key: file('key.pem'),
  };
}
