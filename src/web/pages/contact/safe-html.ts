import DOMPurify from 'dompurify';

/** A mail's HTML made harmless, as the document of a sandboxed frame. */
export interface SafeHtml {
  document: string;
  /** Whether something lies on other servers and was left out. */
  hasRemote: boolean;
}

/** A transparent pixel in the place of what isn't shown. */
const blank = 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7';
const remote = /^\s*(https?:)?\/\//i;
const address = /^\s*(?:https?:|mailto:|tel:|cid:|data:image\/(?:png|jpe?g|gif|webp|bmp|avif);|#|\/\/)/i;
/** DOMPurify asks this about other attributes too (widths, colours ...), which have no scheme. */
const allowed = new RegExp(`${address.source}|^[^a-z]|^[a-z+.-]+(?:[^a-z+.:-]|$)`, 'i');
const remoteInStyle = /url\(\s*["']?\s*(https?:)?\/\/|@import/i;

/**
 * Takes out scripts, forms, frames and whatever else acts; then, unless `showRemote`, everything that lies on other servers. Three fences stand
 * behind each other: this, the frame's sandbox (no scripts, no origin, so it sees nothing of the app), and the policy in its head, which alone
 * already keeps every request back. `inlineImages` has data URLs by Content-ID.
 */
export function safeHtml(
  html: string,
  options: { showRemote: boolean; inlineImages: ReadonlyMap<string, string> },
): SafeHtml {
  const root = DOMPurify.sanitize(html, {
    RETURN_DOM: true,
    WHOLE_DOCUMENT: true,
    FORBID_TAGS: [
      'script',
      'form',
      'input',
      'button',
      'textarea',
      'select',
      'option',
      'base',
      'meta',
      'link',
      'iframe',
      'frame',
      'frameset',
      'object',
      'embed',
      'audio',
      'video',
      'source',
      'track',
      'svg',
      'math',
      'template',
      'dialog',
      'portal',
    ],
    FORBID_ATTR: ['srcset', 'ping', 'formaction', 'action', 'autofocus', 'id', 'name', 'contenteditable', 'popover'],
    ALLOWED_URI_REGEXP: allowed,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: true,
  }) as unknown as HTMLElement;
  let hasRemote = false;
  for (const link of root.querySelectorAll('a, area')) {
    // A relative address would lead into the app.
    if (!address.test(link.getAttribute('href') ?? '')) link.removeAttribute('href');
    link.setAttribute('target', '_blank');
    link.setAttribute('rel', 'noopener noreferrer nofollow');
  }
  for (const image of root.querySelectorAll('img')) {
    const source = image.getAttribute('src') ?? '';
    if (/^\s*cid:/i.test(source)) {
      const id = source.trim().slice(4);
      image.setAttribute('src', options.inlineImages.get(id) ?? options.inlineImages.get(decoded(id)) ?? blank);
    } else if (remote.test(source)) {
      hasRemote = true;
      if (!options.showRemote) image.setAttribute('src', blank);
      image.setAttribute('referrerpolicy', 'no-referrer');
    } else if (!/^\s*data:/i.test(source)) {
      image.removeAttribute('src');
    }
  }
  for (const element of root.querySelectorAll('[background]')) {
    if (!remote.test(element.getAttribute('background') ?? '')) continue;
    hasRemote = true;
    if (!options.showRemote) element.removeAttribute('background');
  }
  for (const element of root.querySelectorAll('[style], style')) {
    if (
      remoteInStyle.test(
        `${element.getAttribute('style') ?? ''} ${element.tagName === 'STYLE' ? element.textContent : ''}`,
      )
    ) {
      hasRemote = true;
    }
  }
  return { document: documentOf(root, options.showRemote), hasRemote };
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

function documentOf(root: HTMLElement, showRemote: boolean): string {
  const images = showRemote ? 'data: https: http:' : 'data:';
  const styles = [...root.querySelectorAll('style')].map((style) => {
    const text = style.textContent ?? '';
    style.remove();
    // A style can't end its own element, whatever its text is.
    return `<style>${text.replaceAll('</', '<\\/')}</style>`;
  });
  const body = root.querySelector('body') ?? root;
  return [
    '<!doctype html><html><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src ${images}; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'">`,
    '<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width, initial-scale=1">',
    '<style>html{background:#fff}body{margin:14px 16px;font:14px/1.5 system-ui,sans-serif;color:#1f1e1c;overflow-wrap:anywhere}',
    'img{max-width:100%}table{max-width:100%}pre{white-space:pre-wrap}blockquote{margin:0 0 0 .6em;padding-left:.8em;border-left:2px solid #d5d2cc}</style>',
    ...styles,
    '</head>',
    outerBody(body as HTMLElement),
    '</html>',
  ].join('');
}

/** The body with its own colours and styles, whatever element the sanitiser returned. */
function outerBody(body: HTMLElement): string {
  if (body.tagName === 'BODY') return body.outerHTML;
  return `<body>${body.innerHTML}</body>`;
}
