import type { AutomationMap } from '../../api/types.ts';
import type { Tone } from '../../components/tone.tsx';

export const mapStates: Record<AutomationMap['state'], { label: string; tone: Tone }> = {
  draft: { label: 'Draft', tone: 'neutral' },
  published: { label: 'Published', tone: 'good' },
  paused: { label: 'Paused', tone: 'warn' },
};
