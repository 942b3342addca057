/** The shapes that screens name, as the server's routes declare them. Times are ISO 8601 in UTC; ids are opaque. */
import type { InferRequestType, InferResponseType } from 'hono/client';
import type { api } from './request.ts';

type Api = typeof api;

export type Me = InferResponseType<Api['me']['$get'], 200>;
export type Account = InferResponseType<Api['account']['$get'], 200>;
export type AccountChanges = InferRequestType<Api['account']['$patch']>['json'];
export type Plan = Account['plan'];
export type Member = InferResponseType<Api['members']['$get'], 200>[number];
export type Role = Member['role'];
export type Invitation = InferResponseType<Api['invitations']['$get'], 200>[number];
export type OpenInvitation = InferResponseType<Api['invitations']['by-token'][':token']['$get'], 200>;
export type ApiKey = InferResponseType<Api['api-keys']['$get'], 200>[number];
export type NewApiKey = InferResponseType<Api['api-keys']['$post'], 201>;

export type Contact = InferResponseType<Api['contacts'][':id']['$get'], 200>;
export type ContactInput = InferRequestType<Api['contacts']['$post']>['json'];
export type ContactQuery = InferRequestType<Api['contacts']['$get']>['query'];
export type Named = NonNullable<Contact['owner']>;
export type Run = InferResponseType<Api['contacts'][':id']['runs']['$get'], 200>[number];
export type Stage = InferResponseType<Api['stages']['$get'], 200>[number];
export type Tag = InferResponseType<Api['tags']['$get'], 200>[number];
export type Segment = InferResponseType<Api['segments']['$get'], 200>[number];

export type Exclusion = InferResponseType<Api['exclusions']['$get'], 200>['items'][number];
export type AddedExclusion = InferResponseType<Api['exclusions']['$post'], 201>;
export type ExclusionInput = InferRequestType<Api['exclusions']['$post']>['json'];
export type ExclusionScope = Exclusion['scope'];

export type LogPage = InferResponseType<Api['contacts'][':id']['log']['$get'], 200>;
export type LogItem = LogPage['items'][number];
export type Direction = NonNullable<LogItem['direction']>;
export type Mailbox = LogItem['mailboxes'][number];
export type OpenedLogItem = InferResponseType<Api['log'][':id']['$get'], 200>;
export type Message = NonNullable<OpenedLogItem['message']>;
export type MailAddress = NonNullable<Message['from']>;
export type Attachment = Message['attachments'][number];
export type Why = InferResponseType<Api['why']['$get'], 200>;
export type Sighting = Why['sightings'][number];

export type Connection = InferResponseType<Api['connections'][':id']['$get'], 200>;
export type ConnectionState = Connection['state'];
export type ConnectionSettings = Connection['settings'];
export type Security = ConnectionSettings['security'];
export type Sharing = Connection['sharing'];
export type Folder = Connection['folders'][number];
export type ConnectInput = InferRequestType<Api['connections']['$post']>['json'];
export type SenderCheckInput = InferRequestType<Api['connections'][':id']['sender-check']['$put']>['json'];
export type Check = InferResponseType<Api['connections'][':id']['checks']['$get'], 200>['items'][number];
export type Outage = InferResponseType<Api['outages']['$get'], 200>['items'][number];
export type History = InferResponseType<Api['connections'][':id']['history']['$get'], 200>['items'][number];
export type HistoryInput = InferRequestType<Api['connections'][':id']['history']['$post']>['json'];
export type Detected = InferResponseType<Api['connections']['detect']['$post'], 200>;

export type Task = InferResponseType<Api['tasks']['$get'], 200>['items'][number];
export type TaskQuery = InferRequestType<Api['tasks']['$get']>['query'];
export type TaskInput = InferRequestType<Api['tasks']['$post']>['json'];
export type TaskChanges = InferRequestType<Api['tasks'][':id']['$patch']>['json'];

export type AutomationMap = InferResponseType<Api['maps'][':id']['$get'], 200>;
export type Graph = AutomationMap['graph'];
export type Element = Graph['elements'][number];
