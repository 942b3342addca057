import {
  Outlet,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { queryClient } from './api/query-client.ts';
import { ProblemError } from './api/request.ts';
import { mayAdminister, meQuery } from './api/session.ts';
import { Crashed, NotFound, Waiting } from './shell/fallbacks.tsx';
import { Shell } from './shell/shell.tsx';

type Search = Record<string, unknown>;
interface ContactsSearch {
  q?: string;
  sort?: string;
  owner?: string;
  stage?: string;
  tag?: string;
  segment?: string;
}
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Crashed });

const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  validateSearch: (search: Search): { token?: string } => ({ token: text(search['token']) }),
  component: lazyRouteComponent(() => import('./pages/entry/setup.tsx'), 'SetupPage'),
});
const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search: Search): { next?: string } => ({ next: text(search['next']) }),
  component: lazyRouteComponent(() => import('./pages/entry/sign-in.tsx'), 'SignInPage'),
});
const invitation = createRoute({
  getParentRoute: () => root,
  path: '/invitation/$token',
  component: lazyRouteComponent(() => import('./pages/entry/invitation.tsx'), 'InvitationPage'),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  pendingComponent: Waiting,
  beforeLoad: async ({ location }) => {
    try {
      await queryClient.ensureQueryData(meQuery);
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status !== 401) throw error;
      throw redirect({ to: '/sign-in', search: location.pathname === '/' ? {} : { next: location.href } });
    }
  },
});

const home = createRoute({
  getParentRoute: () => shell,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/contacts' });
  },
});
const contacts = createRoute({
  getParentRoute: () => shell,
  path: '/contacts',
  validateSearch: (search: Search): ContactsSearch => ({
    q: text(search['q']),
    sort: text(search['sort']),
    owner: text(search['owner']),
    stage: text(search['stage']),
    tag: text(search['tag']),
    segment: text(search['segment']),
  }),
  component: lazyRouteComponent(() => import('./pages/contacts/contacts.tsx'), 'ContactsPage'),
});
const contact = createRoute({
  getParentRoute: () => shell,
  path: '/contacts/$contactId',
  validateSearch: (search: Search): { tab?: string; item?: string; view?: string } => ({
    tab: text(search['tab']),
    item: text(search['item']),
    view: text(search['view']),
  }),
  component: lazyRouteComponent(() => import('./pages/contact/contact.tsx'), 'ContactPage'),
});
const tasks = createRoute({
  getParentRoute: () => shell,
  path: '/tasks',
  validateSearch: (search: Search): { whose?: string; state?: string } => ({
    whose: text(search['whose']),
    state: text(search['state']),
  }),
  component: lazyRouteComponent(() => import('./pages/tasks/tasks.tsx'), 'TasksPage'),
});
const automations = createRoute({
  getParentRoute: () => shell,
  path: '/automations',
  component: lazyRouteComponent(() => import('./pages/automations/automations.tsx'), 'AutomationsPage'),
});
const automation = createRoute({
  getParentRoute: () => shell,
  path: '/automations/$mapId',
  validateSearch: (search: Search): { tab?: string } => ({ tab: text(search['tab']) }),
  component: lazyRouteComponent(() => import('./pages/automations/editor.tsx'), 'AutomationPage'),
});

const connections = () => import('./pages/email-sync/email-sync.tsx');
const newConnection = () => import('./pages/email-sync/new-connection.tsx');
const connection = () => import('./pages/email-sync/connection.tsx');
const allConnections = createRoute({
  getParentRoute: () => shell,
  path: '/administration/email/email-sync',
  // Members have their own mailboxes, and nothing to do among all.
  beforeLoad: async () => {
    if (mayAdminister(await queryClient.ensureQueryData(meQuery))) return;
    throw redirect({ to: '/profile/email-sync', replace: true });
  },
  component: lazyRouteComponent(connections, 'AllConnectionsPage'),
});
const anyConnection = createRoute({
  getParentRoute: () => shell,
  path: '/administration/email/email-sync/$connectionId',
  beforeLoad: async ({ params }) => {
    if (mayAdminister(await queryClient.ensureQueryData(meQuery))) return;
    throw redirect({ to: '/profile/email-sync/$connectionId', params, replace: true });
  },
  component: lazyRouteComponent(connection, 'AnyConnectionPage'),
});
const myConnections = createRoute({
  getParentRoute: () => shell,
  path: '/profile/email-sync',
  component: lazyRouteComponent(connections, 'MyConnectionsPage'),
});
const connectMine = createRoute({
  getParentRoute: () => shell,
  path: '/profile/email-sync/new',
  validateSearch: (search: Search): { connection?: string } => ({ connection: text(search['connection']) }),
  component: lazyRouteComponent(newConnection, 'NewConnectionPage'),
});
const myConnection = createRoute({
  getParentRoute: () => shell,
  path: '/profile/email-sync/$connectionId',
  component: lazyRouteComponent(connection, 'MyConnectionPage'),
});
const exclusions = () => import('./pages/exclusions/exclusions.tsx');
const accountExclusions = createRoute({
  getParentRoute: () => shell,
  path: '/administration/email/exclusions',
  component: lazyRouteComponent(exclusions, 'AccountExclusionsPage'),
});
const myExclusions = createRoute({
  getParentRoute: () => shell,
  path: '/profile/email-sync/exclusions',
  component: lazyRouteComponent(exclusions, 'MyExclusionsPage'),
});
const why = createRoute({
  getParentRoute: () => shell,
  path: '/administration/email/why',
  validateSearch: (search: Search): { messageId?: string } => ({ messageId: text(search['messageId']) }),
  component: lazyRouteComponent(() => import('./pages/why/why.tsx'), 'WhyPage'),
});
const users = createRoute({
  getParentRoute: () => shell,
  path: '/administration/users',
  component: lazyRouteComponent(() => import('./pages/users/users.tsx'), 'UsersPage'),
});
const apiKeys = createRoute({
  getParentRoute: () => shell,
  path: '/administration/api-keys',
  component: lazyRouteComponent(() => import('./pages/api-keys/api-keys.tsx'), 'ApiKeysPage'),
});
const account = createRoute({
  getParentRoute: () => shell,
  path: '/administration/account',
  component: lazyRouteComponent(() => import('./pages/account/account.tsx'), 'AccountPage'),
});
const profile = createRoute({
  getParentRoute: () => shell,
  path: '/profile',
  component: lazyRouteComponent(() => import('./pages/profile/profile.tsx'), 'ProfilePage'),
});

/** Within the shell, so that the navigation stays. */
const nowhere = createRoute({ getParentRoute: () => shell, path: '$', component: NotFound });

export const router = createRouter({
  routeTree: root.addChildren([
    setup,
    signIn,
    invitation,
    shell.addChildren([
      home,
      contacts,
      contact,
      tasks,
      automations,
      automation,
      allConnections,
      anyConnection,
      myConnections,
      connectMine,
      myConnection,
      accountExclusions,
      myExclusions,
      why,
      users,
      apiKeys,
      account,
      profile,
      nowhere,
    ]),
  ]),
  defaultPreload: 'intent',
  defaultPendingMs: 250,
  defaultErrorComponent: Crashed,
  defaultPendingComponent: Waiting,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
  interface HistoryState {
    /** The email that this entry shows was opened from the entry before. */
    openedHere?: boolean;
  }
}

// A session that ends while a screen is open: whatever asked next finds out.
queryClient.getQueryCache().config.onError = (error) => {
  if (!(error instanceof ProblemError) || error.status !== 401) return;
  const { pathname, href } = router.state.location;
  if (pathname === '/sign-in' || pathname === '/setup' || pathname.startsWith('/invitation/')) return;
  queryClient.removeQueries({ queryKey: meQuery.queryKey });
  void router.navigate({ to: '/sign-in', search: { next: href } });
};
