/** A private Dovecot 2.3: Maildir, plain passwords from a file, IMAP with and without TLS, LMTP with +Folder, submission. */
export function dovecotConfiguration(options: {
  folder: string;
  users: string;
  certificate: { cert: string; key: string };
  ports: { imap: number; imaps: number; lmtp: number; submission: number };
  extra?: string | undefined;
}): string {
  const { folder, users, certificate, ports } = options;
  return `
base_dir = ${folder}/run
state_dir = ${folder}/state
instance_name = t${ports.imap}
log_path = ${folder}/dovecot.log
protocols = imap lmtp submission
listen = 127.0.0.1
hostname = localhost
ssl = yes
ssl_cert = <${certificate.cert}
ssl_key = <${certificate.key}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_max_userip_connections = 0
first_valid_uid = 1
mail_location = maildir:~/Maildir
mailbox_list_index = yes
mail_fsync = never
recipient_delimiter = +
lmtp_save_to_detail_mailbox = yes
lda_mailbox_autocreate = yes
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u ${users}
}
userdb {
  driver = passwd-file
  args = username_format=%u ${users}
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    auto = subscribe
    special_use = \\Sent
  }
  mailbox Drafts {
    auto = subscribe
    special_use = \\Drafts
  }
  mailbox Trash {
    auto = subscribe
    special_use = \\Trash
  }
  mailbox Junk {
    auto = subscribe
    special_use = \\Junk
  }
  mailbox Archive {
    auto = subscribe
    special_use = \\Archive
  }
}
service anvil {
  client_limit = 4200
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  client_limit = 4200
}
service stats {
  client_limit = 8000
}
service imap-login {
  service_count = 0
  client_limit = 4000
  process_limit = 1
  process_min_avail = 1
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = ${ports.imaps}
    ssl = yes
  }
}
service imap {
  process_limit = 4000
}
service lmtp {
  inet_listener lmtp {
    port = ${ports.lmtp}
  }
  process_limit = 20
}
service submission-login {
  process_limit = 4
  inet_listener submission {
    port = ${ports.submission}
  }
  inet_listener submissions {
    port = 0
  }
}
submission_relay_host = 127.0.0.1
submission_relay_port = 9
${options.extra ?? ''}
`;
}
