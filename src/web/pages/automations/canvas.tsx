import '@xyflow/react/dist/base.css';
import { ActionIcon, useComputedColorScheme } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import type { Edge, EdgeProps, Node, NodeProps, ReactFlowInstance } from '@xyflow/react';
import {
  Background,
  BaseEdge,
  Controls,
  EdgeLabelRenderer,
  Handle,
  Position,
  ReactFlow,
  getStraightPath,
} from '@xyflow/react';
import { useEffect, useMemo, useState } from 'react';
import type { Element, Graph } from '../../api/types.ts';
import classes from './editor.module.css';
import './canvas.css';
import { AddMenu, Contacts } from './step-list.tsx';
import type { actionKinds } from './words.tsx';
import { kinds, useWords } from './words.tsx';

type Kind = (typeof actionKinds)[number];
type StepNode = Node<{ element: Element; contacts: number; problem: string[] | undefined; selected: boolean }, 'step'>;
type PlusEdge = Edge<{ onAdd: ((kind: Kind) => void) | null }, 'plus'>;

/** The map as it is drawn: a line from the trigger down, with a place to insert between each two. */
export default function Canvas(props: {
  graph: Graph;
  /** The elements in their order from top to bottom. */
  elements: Element[];
  editable: boolean;
  selectedId: string | null;
  counts: Record<string, number>;
  problems: ReadonlyMap<string, string[]>;
  onSelect: (id: string | null) => void;
  onInsert: (kind: Kind, after: string) => void;
}) {
  const { graph, elements, editable, selectedId, counts, problems, onSelect, onInsert } = props;
  const scheme = useComputedColorScheme('light');
  const [flow, setFlow] = useState<ReactFlowInstance<StepNode, PlusEdge> | null>(null);
  // A longer or shorter map is shown whole again, once its nodes are measured.
  useEffect(() => {
    const timer = setTimeout(() => void flow?.fitView(fitting), 60);
    return () => clearTimeout(timer);
  }, [flow, elements.length]);
  const nodes = useMemo(
    () =>
      elements.map((element, index): StepNode => ({
        id: element.id,
        type: 'step',
        position: { x: 0, y: index * 112 },
        width: 290,
        height: 62,
        data: {
          element,
          contacts: counts[element.id] ?? 0,
          problem: problems.get(element.id),
          selected: element.id === selectedId,
        },
        focusable: false,
      })),
    [elements, counts, problems, selectedId],
  );
  const edges = useMemo(
    () =>
      graph.arrows.map(({ from, to }): PlusEdge => ({
        id: `${from} ${to}`,
        source: from,
        target: to,
        type: 'plus',
        focusable: false,
        data: { onAdd: editable ? (kind) => onInsert(kind, from) : null },
      })),
    [graph.arrows, editable, onInsert],
  );
  return (
    <section className={classes['canvas']} aria-label="Map">
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        colorMode={scheme}
        fitView
        fitViewOptions={fitting}
        onInit={setFlow}
        minZoom={0.3}
        maxZoom={1.4}
        nodesDraggable={false}
        nodesConnectable={false}
        elementsSelectable={false}
        deleteKeyCode={null}
        panOnScroll
        zoomOnScroll={false}
        preventScrolling
        onNodeClick={(_, { id }) => onSelect(id)}
        onPaneClick={() => onSelect(null)}
      >
        <Background gap={22} />
        <Controls showInteractive={false} />
      </ReactFlow>
    </section>
  );
}

function Step({ data }: NodeProps<StepNode>) {
  const { element, contacts, problem, selected } = data;
  const { title, detail } = useWords()(element);
  const Icon = kinds[element.kind].icon;
  return (
    <div
      className={classes['node']}
      data-selected={selected || undefined}
      data-problem={problem ? true : undefined}
      data-end={element.kind === 'end' || undefined}
    >
      <span className={classes['sign']} data-kind={element.kind}>
        <Icon size={18} stroke={1.7} aria-hidden />
      </span>
      <span style={{ minWidth: 0 }}>
        <div className={`one-line ${classes['title']}`}>{title}</div>
        <div className={`one-line ${classes['detail']}`}>{detail}</div>
      </span>
      <Contacts number={contacts} problem={problem} />
      <Handle type="target" position={Position.Top} className={classes['handle']} />
      <Handle type="source" position={Position.Bottom} className={classes['handle']} />
    </div>
  );
}

function Plus({ sourceX, sourceY, targetX, targetY, data }: EdgeProps<PlusEdge>) {
  const [path, x, y] = getStraightPath({ sourceX, sourceY, targetX, targetY });
  return (
    <>
      <BaseEdge path={path} />
      {data?.onAdd && (
        <EdgeLabelRenderer>
          <div
            className="nodrag nopan"
            style={{
              position: 'absolute',
              transform: `translate(-50%, -50%) translate(${x}px, ${y}px)`,
              pointerEvents: 'all',
            }}
          >
            <AddMenu onAdd={data.onAdd}>
              <ActionIcon size={24} radius="xl" variant="default" aria-label="Insert a step here">
                <IconPlus size={14} />
              </ActionIcon>
            </AddMenu>
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
}

const fitting = { maxZoom: 1, padding: 0.12 };
const nodeTypes = { step: Step };
const edgeTypes = { plus: Plus };
