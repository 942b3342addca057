/** Every table, by name; test/migrations.test.ts holds these types to the migrated database. */
import type {
  UserTable,
  AccountTable,
  MemberTable,
  SessionTable,
  SignInMethodTable,
  VerificationTable,
  InvitationTable,
  SetupTokenTable,
  RateLimitTable,
  ApiKeyTable,
  AccountKeyTable,
} from './schema/accounts.ts';
import type {
  StageTable,
  ContactTable,
  ContactAddressTable,
  TagTable,
  ContactTagTable,
  SegmentTable,
  ContactSegmentTable,
} from './schema/contacts.ts';
import type { ConnectionTable, ConnectionAddressTable, StreamTable, FolderTable } from './schema/connections.ts';
import type { SyncProcessTable, LeaseTable } from './schema/leases.ts';
import type { MailboxCheckTable, MailboxCheckFolderTable, MailboxCheckDifferenceTable } from './schema/checks.ts';
import type { OutageTable, OutageNoticeTable } from './schema/outages.ts';
import type { HistoryTable, HistoryFolderTable } from './schema/history.ts';
import type {
  MessageTable,
  MessageParticipantTable,
  AttachmentTable,
  SightingTable,
  SightingCountTable,
  DecisionTable,
} from './schema/log.ts';
import type { ExclusionTable, SightingExclusionTable } from './schema/exclusions.ts';
import type { ThreadTable, ThreadReferenceTable, FormerThreadTable, ThreadingTable } from './schema/threads.ts';
import type {
  MapTable,
  MapVersionTable,
  ListeningSpanTable,
  FiringTable,
  RunTable,
  StepTable,
  TaskTable,
  LogItemTable,
} from './schema/automations.ts';

export interface Database {
  user: UserTable;
  account: AccountTable;
  member: MemberTable;
  session: SessionTable;
  sign_in_method: SignInMethodTable;
  verification: VerificationTable;
  invitation: InvitationTable;
  setup_token: SetupTokenTable;
  rate_limit: RateLimitTable;
  api_key: ApiKeyTable;
  account_key: AccountKeyTable;
  stage: StageTable;
  contact: ContactTable;
  contact_address: ContactAddressTable;
  tag: TagTable;
  contact_tag: ContactTagTable;
  segment: SegmentTable;
  contact_segment: ContactSegmentTable;
  exclusion: ExclusionTable;
  connection: ConnectionTable;
  connection_address: ConnectionAddressTable;
  stream: StreamTable;
  folder: FolderTable;
  sync_process: SyncProcessTable;
  lease: LeaseTable;
  mailbox_check: MailboxCheckTable;
  mailbox_check_folder: MailboxCheckFolderTable;
  mailbox_check_difference: MailboxCheckDifferenceTable;
  outage: OutageTable;
  outage_notice: OutageNoticeTable;
  history: HistoryTable;
  history_folder: HistoryFolderTable;
  thread: ThreadTable;
  thread_reference: ThreadReferenceTable;
  former_thread: FormerThreadTable;
  threading: ThreadingTable;
  message: MessageTable;
  message_participant: MessageParticipantTable;
  attachment: AttachmentTable;
  sighting: SightingTable;
  sighting_count: SightingCountTable;
  sighting_exclusion: SightingExclusionTable;
  decision: DecisionTable;
  map: MapTable;
  map_version: MapVersionTable;
  listening_span: ListeningSpanTable;
  firing: FiringTable;
  run: RunTable;
  step: StepTable;
  task: TaskTable;
  log_item: LogItemTable;
}
