import { Alert, Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { attachmentUrl } from '../../api/log.ts';
import type { Attachment, Message } from '../../api/types.ts';
import classes from './item.module.css';
import { isTooHeavy } from './html-weight.ts';
import { safeHtml } from './safe-html.ts';
import { TextBody } from './text-body.tsx';

/** The most that inline images may weigh together; more stay attachments. */
const mostInlineBytes = 20_000_000;

/** A mail's HTML in a frame that can run nothing and, until asked, loads nothing from elsewhere; its text where the HTML would bring the page to a stop. */
export default function HtmlBody({ itemId, message }: { itemId: string; message: Message }) {
  const heavy = useMemo(() => isTooHeavy(message.html ?? ''), [message.html]);
  if (!heavy) return <Framed itemId={itemId} message={message} />;
  return (
    <>
      <Alert color="yellow" variant="light" mb="sm" py="xs" title="The HTML of this email can't be shown">
        It is built so that it would bring the browser to a stop. This is its text.
      </Alert>
      <TextBody text={message.text} />
    </>
  );
}

function Framed({ itemId, message }: { itemId: string; message: Message }) {
  const [showRemote, setShowRemote] = useState(false);
  const { data: inlineImages = noImages, isLoading } = useQuery({
    queryKey: ['inline-images', itemId],
    queryFn: () => loadInlineImages(itemId, message),
    staleTime: Infinity,
    enabled: /cid:/i.test(message.html ?? ''),
  });
  const safe = useMemo(
    () => safeHtml(message.html ?? '', { showRemote, inlineImages }),
    [message.html, showRemote, inlineImages],
  );
  return (
    <div className={classes['content']}>
      {safe.hasRemote && !showRemote && (
        <div className={classes['blocked']}>
          Remote images are not loaded: they would tell the sender that you are reading.
          <Button size="compact-xs" variant="default" onClick={() => setShowRemote(true)}>
            Show remote images
          </Button>
        </div>
      )}
      {/* One frame for each document: Chromium may never show one that is replaced while it loads. */}
      <iframe
        key={`${isLoading} ${showRemote}`}
        className={classes['frame']}
        title={`Email: ${message.subject || 'no subject'}`}
        sandbox="allow-popups allow-popups-to-escape-sandbox"
        referrerPolicy="no-referrer"
        srcDoc={isLoading ? '' : safe.document}
      />
    </div>
  );
}

const noImages: ReadonlyMap<string, string> = new Map();

async function loadInlineImages(itemId: string, message: Message): Promise<ReadonlyMap<string, string>> {
  const html = (message.html ?? '').toLowerCase();
  const images = new Map<string, string>();
  let bytes = 0;
  for (const attachment of message.attachments) {
    const id = attachment.contentId?.replace(/^<|>$/g, '');
    if (!id || !/^image\//i.test(attachment.contentType)) continue;
    if (!html.includes(`cid:${id.toLowerCase()}`) && !html.includes(`cid:${encodeURIComponent(id).toLowerCase()}`))
      continue;
    bytes += attachment.size;
    if (bytes > mostInlineBytes) break;
    const url = await dataUrl(itemId, attachment);
    if (url) images.set(id, url);
  }
  return images;
}

async function dataUrl(itemId: string, attachment: Attachment): Promise<string | null> {
  const answer = await fetch(attachmentUrl(itemId, attachment.part, true), { credentials: 'same-origin' });
  if (!answer.ok) return null;
  const blob = await answer.blob();
  // The server answers anything but pixels as a download of unknown bytes.
  if (!/^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(blob.type)) return null;
  return await new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(typeof reader.result === 'string' ? reader.result : null);
    reader.onerror = () => resolve(null);
    reader.readAsDataURL(blob);
  });
}
