/** What a component may return. */
export type Child = VNode | string | number | boolean | null | undefined | Child[] | object;
export interface VNode {
    type: unknown;
    props: Record<string, unknown>;
    key: unknown;
}
export function h(type: unknown, props: Record<string, unknown> | null, ...children: unknown[]): VNode;
export function render(vnode: Child, parent: Element): void;
export function createRef<T>(): { current: T | null };
export function Fragment(props: { children?: unknown }): VNode;
