import nodemailer from 'nodemailer';

/** Delivers by LMTP; resolves when the server has accepted the message for every recipient. */
export async function deliverByLmtp(
  port: number,
  message: string | Buffer,
  recipients: string[],
  options: { lmtp?: boolean } = {},
): Promise<void> {
  const transport = nodemailer.createTransport({
    host: '127.0.0.1',
    port,
    secure: false,
    ignoreTLS: true,
    lmtp: options.lmtp ?? true,
    name: 'test.example',
  } as never);
  try {
    const answer = (await transport.sendMail({
      raw: message,
      envelope: { from: 'sender@test.example', to: recipients },
    })) as { rejected?: unknown[] };
    if (answer.rejected?.length) throw new Error(`not delivered to ${String(answer.rejected)}`);
  } finally {
    transport.close();
  }
}
