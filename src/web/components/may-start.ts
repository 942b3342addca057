import { kindNames } from '../../mail/kinds.ts';
import type { Sighting } from '../api/types.ts';

const never = {
  late_contact: 'Its contact or address was added later, or was excluded until then, so it starts no automation.',
  late_folder: 'It arrived before its folder was ticked, so it starts no automation.',
  migrated:
    'It was moved here from another mailbox: its dates are much older than its arrival. It starts no automation.',
};

/** Whether a copy that is logged may start automations, as a sentence; null for one that isn't. Agrees with the rule's explanation (log/rules.ts). */
export function mayStart({
  class: why,
  kind,
  sender,
}: Pick<Sighting, 'class' | 'kind'> & { sender: Pick<NonNullable<Sighting['sender']>, 'verdict'> | null }):
  string | null {
  if (why === null) return null;
  if (why !== 'live' && why !== 'history') return never[why];
  const but = [
    kind && kind !== 'personal' && `it is ${kindNames[kind].one}`,
    sender?.verdict === 'fail' && 'its sender could not be confirmed',
  ].filter(Boolean);
  const reasons = but.join(' and ');
  if (why === 'history') {
    const asked = 'It belongs to the history that was asked for';
    return reasons === ''
      ? `${asked}: it starts automations only where that was asked for too.`
      : `${asked}, and ${reasons}: it starts an automation only where that was asked for and its trigger says so.`;
  }
  return reasons === ''
    ? 'It arrived while its folder was synced, so it can start automations if a contact sent it.'
    : `It arrived while its folder was synced, but ${reasons}: it starts an automation only where its trigger says so.`;
}
