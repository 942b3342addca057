/** What a bounce says of the mail that it reports on. */
export interface Delivery {
  status: 'failed' | 'delayed' | 'delivered';
  /** Addresses that it says this of, the first few; empty where none can be told. */
  recipients: string[];
}

const mostRecipients = 20;
const longestAddress = 320;

/**
 * Reads a message/delivery-status (RFC 3464, 2.3) or its international kin (RFC 6533). A report on several recipients says the worst of them: what failed
 * is what its reader must know. Null where it names no action.
 */
export function readDeliveryStatus(content: string): Delivery | null {
  const recipients = new Map<Delivery['status'], string[]>();
  for (const block of content.replace(/\r\n?/g, '\n').split(/\n[ \t]*\n/)) {
    const status = statusOf(fieldOf(block, 'Action'));
    if (status === null) continue;
    const named = fieldOf(block, 'Original-Recipient') || fieldOf(block, 'Final-Recipient');
    const known = recipients.get(status) ?? [];
    recipients.set(status, known);
    known.push(named.slice(named.indexOf(';') + 1));
  }
  const status = (['failed', 'delayed', 'delivered'] as const).find((one) => recipients.has(one));
  return status ? { status, recipients: addressesOf(recipients.get(status)!) } : null;
}

/** What a bounce without such a part says, as far as it can be told: by X-Failed-Recipients, or by its text up to the copy of the mail. */
export function readFreeForm(failedRecipients: string | undefined, text: string): Delivery | null {
  if (failedRecipients !== undefined) {
    // Exim names them in its warnings of delays too.
    const status = isDelayed(text) ? 'delayed' : 'failed';
    return { status, recipients: addressesOf(failedRecipients.split(',')) };
  }
  const [report = ''] = text.split(
    /^--.*\b(?:original message|copy of the message|body of the message|below this line)/im,
  );
  const recipients = addressesOf(
    [...report.matchAll(/^[ \t]*<?([^\s<>():,@]+@[^\s<>():,@]+)>?[ \t]*(?::|$)/gm)].map(([, address]) => address!),
  );
  if (isDelayed(report)) return { status: 'delayed', recipients };
  return isFailed(report) || recipients.length > 0 ? { status: 'failed', recipients } : null;
}

function statusOf(action: string): Delivery['status'] | null {
  const [word = ''] = action.toLowerCase().split(/\s/);
  if (word === 'failed' || word === 'delayed') return word;
  return ['delivered', 'relayed', 'expanded'].includes(word) ? 'delivered' : null;
}

function fieldOf(block: string, name: string): string {
  const field = new RegExp(`^${name}[ \\t]*:((?:.*(?:\\n[ \\t])?)*)`, 'im').exec(block);
  return (field?.[1] ?? '').trim();
}

function isDelayed(text: string): boolean {
  return /\b(?:has been delayed|delivery is delayed|not been delivered to .{1,80} after more than|you do not need to resend|not yet been delivered)\b/i.test(
    text.replace(/\s+/g, ' '),
  );
}

function isFailed(text: string): boolean {
  return /\b(?:permanent error|could not be delivered|(?:unable|wasn't able|failed) to deliver|undeliverable|delivery .{0,60}\bfailed|did not reach)\b/i.test(
    text.replace(/\s+/g, ' '),
  );
}

function addressesOf(found: readonly string[]): string[] {
  const addresses = found.map((one) => one.trim().replace(/^<|>$/g, '').toWellFormed());
  return [...new Set(addresses)]
    .filter((one) => /^[^\s@]+@[^\s@]+$/.test(one) && one.length <= longestAddress)
    .slice(0, mostRecipients);
}
