/** A mail provider whose IMAP server is known, by the domains of its addresses. Data: one line for each. */
export interface WellKnown {
  name: string;
  domains: string[];
  host: string;
  /** 993 with TLS, unless said otherwise. */
  port?: number;
  security?: 'tls' | 'starttls';
  /** What is typed as user name: the whole address, unless it is only what stands before the @. */
  user?: 'local';
  /** The authserv-id in its Authentication-Results fields; "*.example.com" for any of its hosts. */
  authserv?: string;
  hint?: string;
}

const appPassword = (name: string, where: string) =>
  `${name} does not take your usual password here. Make an app password at ${where} and enter that one.`;
const switchOn = (name: string, where: string) => `Allow IMAP in ${name} first (${where}).`;

export const wellKnown: WellKnown[] = [
  {
    name: 'Gmail',
    domains: ['gmail.com', 'googlemail.com'],
    host: 'imap.gmail.com',
    authserv: 'mx.google.com',
    hint: appPassword('Google', 'myaccount.google.com/apppasswords (2-Step Verification must be on)'),
  },
  {
    name: 'Outlook',
    domains: [
      'outlook.*',
      'hotmail.*',
      'live.*',
      'msn.com',
      'windowslive.com',
      'outlook.com.*',
      'hotmail.co.uk',
      'live.co.uk',
    ],
    host: 'outlook.office365.com',
    authserv: '*.outlook.com',
    hint: 'Microsoft has switched off passwords for IMAP: neither your password nor an app password will be accepted.',
  },
  {
    name: 'Microsoft 365',
    domains: ['onmicrosoft.com', '*.onmicrosoft.com', 'office365.com'],
    host: 'outlook.office365.com',
    hint: 'Microsoft has switched off passwords for IMAP: neither your password nor an app password will be accepted.',
  },
  {
    name: 'iCloud',
    domains: ['icloud.com', 'me.com', 'mac.com'],
    host: 'imap.mail.me.com',
    authserv: '*.icloud.com',
    hint: appPassword('Apple', 'account.apple.com, Sign-In and Security, App-Specific Passwords'),
  },
  {
    name: 'Yahoo',
    domains: ['yahoo.*', 'yahoo.co.*', 'yahoo.com.*', 'ymail.com', 'rocketmail.com', 'myyahoo.com'],
    host: 'imap.mail.yahoo.com',
    authserv: '*.yahoo.com',
    hint: appPassword('Yahoo', 'login.yahoo.com/account/security'),
  },
  {
    name: 'AOL',
    domains: ['aol.com', 'aim.com', 'aol.de', 'aol.co.uk', 'aol.fr'],
    host: 'imap.aol.com',
    authserv: '*.yahoo.com',
    hint: appPassword('AOL', 'login.aol.com/account/security'),
  },
  {
    name: 'AT&T',
    domains: ['att.net', 'sbcglobal.net', 'bellsouth.net'],
    host: 'imap.mail.att.net',
    authserv: '*.yahoo.com',
    hint: appPassword('AT&T', 'your AT&T profile, "secure mail key"'),
  },
  {
    name: 'Fastmail',
    domains: ['fastmail.com', 'fastmail.fm', 'fastmail.org', 'fastmail.net', 'sent.com', 'messagingengine.com'],
    host: 'imap.fastmail.com',
    authserv: '*.messagingengine.com',
    hint: appPassword('Fastmail', 'Settings, Privacy & Security, App passwords'),
  },
  {
    name: 'GMX',
    domains: ['gmx.de', 'gmx.net', 'gmx.at', 'gmx.ch', 'gmx.eu', 'gmx.org', 'gmx.info'],
    host: 'imap.gmx.net',
    authserv: 'gmx.net',
    hint: switchOn('GMX', 'Settings, POP3 & IMAP'),
  },
  {
    name: 'GMX',
    domains: ['gmx.com', 'gmx.us', 'gmx.co.uk', 'gmx.fr', 'gmx.es', 'caramail.com'],
    host: 'imap.gmx.com',
    hint: switchOn('GMX', 'Settings, POP3 & IMAP'),
  },
  {
    name: 'mail.com',
    domains: ['mail.com', 'email.com', 'usa.com', 'consultant.com', 'europe.com'],
    host: 'imap.mail.com',
    hint: switchOn('mail.com', 'a paid account'),
  },
  {
    name: 'WEB.DE',
    domains: ['web.de', 'email.de'],
    host: 'imap.web.de',
    hint: switchOn('WEB.DE', 'Settings, POP3/IMAP'),
  },
  {
    name: 'Telekom',
    domains: ['t-online.de', 'magenta.de'],
    host: 'secureimap.t-online.de',
    hint: appPassword('Telekom', 'the customer center, "Passwort für E-Mail-Programme"'),
  },
  { name: 'freenet', domains: ['freenet.de'], host: 'mx.freenet.de' },
  { name: 'Vodafone', domains: ['vodafone.de', 'arcor.de', 'vodafonemail.de'], host: 'imap.vodafonemail.de' },
  { name: '1&1', domains: ['online.de', 'onlinehome.de'], host: 'imap.1und1.de' },
  { name: 'IONOS', domains: ['ionos.de', 'ionos.com'], host: 'imap.ionos.de' },
  { name: 'STRATO', domains: ['strato.de', 'strato.com'], host: 'imap.strato.de' },
  {
    name: 'Posteo',
    domains: ['posteo.de', 'posteo.net', 'posteo.org', 'posteo.eu', 'posteo.at', 'posteo.ch'],
    host: 'posteo.de',
  },
  {
    name: 'mailbox.org',
    domains: ['mailbox.org', 'secure.mailbox.org'],
    host: 'imap.mailbox.org',
    hint: 'With two-factor sign-in, mailbox.org wants an app password here.',
  },
  { name: 'mail.de', domains: ['mail.de'], host: 'imap.mail.de' },
  { name: 'Bluewin', domains: ['bluewin.ch', 'bluemail.ch'], host: 'imaps.bluewin.ch' },
  { name: 'A1', domains: ['a1.net', 'aon.at'], host: 'imap.a1.net' },
  { name: 'Infomaniak', domains: ['infomaniak.ch', 'ik.me', 'ikmail.com', 'etik.com'], host: 'mail.infomaniak.com' },
  { name: 'Hostinger', domains: ['hostinger.com'], host: 'imap.hostinger.com' },
  { name: 'OVH', domains: ['ovh.net', 'ovh.com'], host: 'ssl0.ovh.net' },
  { name: 'Gandi', domains: ['gandi.net'], host: 'mail.gandi.net' },
  { name: 'Namecheap', domains: ['privateemail.com'], host: 'mail.privateemail.com' },
  { name: 'GoDaddy', domains: ['secureserver.net'], host: 'imap.secureserver.net' },
  { name: 'Rackspace', domains: ['emailsrvr.com'], host: 'secure.emailsrvr.com' },
  { name: 'Orange', domains: ['orange.fr', 'wanadoo.fr'], host: 'imap.orange.fr' },
  { name: 'Free', domains: ['free.fr', 'aliceadsl.fr'], host: 'imap.free.fr', user: 'local' },
  {
    name: 'La Poste',
    domains: ['laposte.net'],
    host: 'imap.laposte.net',
    user: 'local',
    hint: switchOn('laposte.net', 'Paramètres, Accès IMAP'),
  },
  { name: 'SFR', domains: ['sfr.fr', 'neuf.fr', 'cegetel.net', 'club-internet.fr'], host: 'imap.sfr.fr' },
  { name: 'Bouygues', domains: ['bbox.fr'], host: 'imap.bbox.fr' },
  {
    name: 'Libero',
    domains: ['libero.it', 'inwind.it', 'iol.it', 'blu.it', 'giallo.it'],
    host: 'imapmail.libero.it',
    hint: appPassword('Libero', 'Il mio account, Password specifiche'),
  },
  { name: 'Virgilio', domains: ['virgilio.it'], host: 'in.virgilio.it' },
  { name: 'TIM', domains: ['tim.it', 'alice.it', 'tin.it'], host: 'imap.tim.it' },
  { name: 'Tiscali', domains: ['tiscali.it'], host: 'imap.tiscali.it' },
  { name: 'Aruba', domains: ['aruba.it', 'technet.it'], host: 'imaps.aruba.it' },
  { name: 'Aruba PEC', domains: ['pec.it', 'arubapec.it', '*.pec.it'], host: 'imaps.pec.aruba.it' },
  {
    name: 'WP Poczta',
    domains: ['wp.pl', 'o2.pl', 'tlen.pl', 'go2.pl'],
    host: 'imap.wp.pl',
    hint: switchOn('WP', 'Ustawienia, Programy pocztowe'),
  },
  { name: 'Onet', domains: ['onet.pl', 'onet.eu', 'op.pl', 'poczta.onet.pl', 'vp.pl'], host: 'imap.poczta.onet.pl' },
  { name: 'Interia', domains: ['interia.pl', 'interia.eu', 'poczta.fm', 'interiowy.pl'], host: 'poczta.interia.pl' },
  { name: 'Seznam', domains: ['seznam.cz', 'email.cz', 'post.cz', 'spoluzaci.cz'], host: 'imap.seznam.cz' },
  { name: 'Centrum', domains: ['centrum.cz', 'centrum.sk', 'atlas.cz', 'volny.cz'], host: 'imap.centrum.cz' },
  { name: 'Telenet', domains: ['telenet.be'], host: 'imap.telenet.be' },
  { name: 'Proximus', domains: ['skynet.be', 'proximus.be'], host: 'imap.proximus.be' },
  { name: 'Ziggo', domains: ['ziggo.nl', 'home.nl', 'upcmail.nl'], host: 'imap.ziggo.nl' },
  { name: 'KPN', domains: ['kpnmail.nl', 'planet.nl', 'hetnet.nl', 'xs4all.nl'], host: 'imap.kpnmail.nl' },
  { name: 'Runbox', domains: ['runbox.com'], host: 'mail.runbox.com' },
  { name: 'Mailfence', domains: ['mailfence.com'], host: 'imap.mailfence.com' },
  { name: 'Soverin', domains: ['soverin.net', 'soverin.com'], host: 'imap.soverin.net' },
  { name: 'Migadu', domains: ['migadu.com'], host: 'imap.migadu.com' },
  { name: 'Telia', domains: ['telia.com'], host: 'mailin.telia.com' },
  { name: 'BT', domains: ['btinternet.com', 'btopenworld.com', 'talk21.com'], host: 'mail.btinternet.com' },
  {
    name: 'Virgin Media',
    domains: ['virginmedia.com', 'ntlworld.com', 'blueyonder.co.uk'],
    host: 'imap.virginmedia.com',
    hint: appPassword('Virgin Media', 'My Virgin Media, Mail settings'),
  },
  {
    name: 'Comcast',
    domains: ['comcast.net', 'xfinity.com'],
    host: 'imap.comcast.net',
    hint: switchOn('Xfinity', 'Settings, Security, third-party access'),
  },
  { name: 'Spectrum', domains: ['charter.net', 'spectrum.net', 'rr.com'], host: 'mobile.charter.net' },
  {
    name: 'Zoho',
    domains: ['zoho.com', 'zohomail.com'],
    host: 'imap.zoho.com',
    hint: `${switchOn('Zoho', 'Settings, Mail Accounts')} With two-factor sign-in, Zoho wants an app password.`,
  },
  {
    name: 'Zoho',
    domains: ['zoho.eu', 'zohomail.eu'],
    host: 'imap.zoho.eu',
    hint: `${switchOn('Zoho', 'Settings, Mail Accounts')} With two-factor sign-in, Zoho wants an app password.`,
  },
  {
    name: 'Zoho',
    domains: ['zoho.in', 'zohomail.in'],
    host: 'imap.zoho.in',
    hint: `${switchOn('Zoho', 'Settings, Mail Accounts')} With two-factor sign-in, Zoho wants an app password.`,
  },
  {
    name: 'Yandex',
    domains: ['yandex.*', 'ya.ru', 'yandex.com.tr'],
    host: 'imap.yandex.com',
    hint: appPassword('Yandex', 'id.yandex.com/security/app-passwords'),
  },
  {
    name: 'Mail.ru',
    domains: ['mail.ru', 'inbox.ru', 'list.ru', 'bk.ru', 'internet.ru', 'xmail.ru'],
    host: 'imap.mail.ru',
    hint: appPassword('Mail.ru', 'account.mail.ru, Security, Passwords for external apps'),
  },
  {
    name: 'Rambler',
    domains: ['rambler.ru', 'lenta.ru', 'autorambler.ru', 'myrambler.ru', 'ro.ru'],
    host: 'imap.rambler.ru',
  },
  {
    name: 'UKR.NET',
    domains: ['ukr.net'],
    host: 'imap.ukr.net',
    hint: appPassword('UKR.NET', 'Settings, IMAP access'),
  },
  {
    name: 'QQ',
    domains: ['qq.com', 'foxmail.com'],
    host: 'imap.qq.com',
    hint: appPassword('QQ', 'Settings, Account ("authorization code")'),
  },
  {
    name: '163',
    domains: ['163.com'],
    host: 'imap.163.com',
    hint: appPassword('163', 'Settings, POP3/SMTP/IMAP ("authorization code")'),
  },
  {
    name: '126',
    domains: ['126.com'],
    host: 'imap.126.com',
    hint: appPassword('126', 'Settings, POP3/SMTP/IMAP ("authorization code")'),
  },
  { name: 'Naver', domains: ['naver.com'], host: 'imap.naver.com', hint: switchOn('Naver', 'Settings, POP3/IMAP') },
  {
    name: 'Daum',
    domains: ['daum.net', 'hanmail.net'],
    host: 'imap.daum.net',
    hint: switchOn('Daum', 'Settings, IMAP/POP3'),
  },
  {
    name: 'Proton',
    domains: ['proton.me', 'protonmail.com', 'protonmail.ch', 'pm.me'],
    host: '127.0.0.1',
    port: 1143,
    security: 'starttls',
    hint: 'Proton gives IMAP only through its Bridge, with the password that Bridge shows. Enter the address of the computer on which Bridge runs.',
  },
  {
    name: 'Tuta',
    domains: ['tuta.com', 'tutanota.com', 'tutanota.de', 'tutamail.com', 'tuta.io', 'keemail.me'],
    host: 'imap.tuta.com',
    hint: 'Tuta offers no IMAP: its mail cannot be connected.',
  },
];

/** Advice for a server by its name, where the person entered an own domain (Google Workspace, Microsoft 365 ...). */
export function hintForHost(host: string): string | undefined {
  return atHost(host)?.hint;
}

/** The authserv-id of a server by its name; null where it isn't known. */
export function authservForHost(host: string): string | null {
  return atHost(host)?.authserv ?? null;
}

function atHost(host: string): WellKnown | undefined {
  const name = host.toLowerCase();
  return wellKnown.find((entry) => entry.host === name) ?? wellKnown.find((entry) => entry.host === aliases[name]);
}

const aliases: Record<string, string> = {
  'imap.googlemail.com': 'imap.gmail.com',
  'imap-mail.outlook.com': 'outlook.office365.com',
  'imap.outlook.com': 'outlook.office365.com',
  'imappro.zoho.com': 'imap.zoho.com',
  'imappro.zoho.eu': 'imap.zoho.eu',
  'imap.yandex.ru': 'imap.yandex.com',
  'imap.ionos.com': 'imap.ionos.de',
};
