/** The Patient Root stands in for the Study Root at peers that offer nothing else. @see PS3.4 C.6 */
import type { QueryRoot } from '../core/index.js';
import { SopClasses } from './uids.js';

export type RootedService = 'find' | 'get' | 'move';

/** The SOP class of a service in each model, the one that is preferred first. */
export const rootedSopClasses: Readonly<Record<RootedService, Readonly<Record<QueryRoot, string>>>> = {
  find: { study: SopClasses.studyRootFind, patient: SopClasses.patientRootFind },
  get: { study: SopClasses.studyRootGet, patient: SopClasses.patientRootGet },
  move: { study: SopClasses.studyRootMove, patient: SopClasses.patientRootMove },
};

const services = ['find', 'get', 'move'] as const;

/** Best first. */
const queryRoots: readonly QueryRoot[] = ['study', 'patient'];

/** Accepted presentation contexts by their abstract syntax. */
export interface Contexts<C> {
  find(abstractSyntax: string): C | undefined;
}

/** The context of a service that messages go by, and the model it is of. */
interface RootedContext<C> {
  readonly root: QueryRoot;
  readonly presentation: C;
}

/** What a service goes by on an association; undefined where the peer refused it in both models. */
export function rootedContext<C>(
  contexts: Contexts<C>,
  service: RootedService,
): RootedContext<C> | undefined {
  for (const root of queryRoots) {
    const presentation = contexts.find(rootedSopClasses[service][root]);
    if (presentation) return { root, presentation };
  }
  return undefined;
}

/** The models to propose for a service: both, unless one is configured. */
export function rootsToPropose(
  knowledge: { fixed(name: 'root' | 'retrieveRoot'): QueryRoot | undefined },
  service: RootedService,
): readonly QueryRoot[] {
  const fixed = knowledge.fixed(service === 'find' ? 'root' : 'retrieveRoot');
  return fixed === undefined ? queryRoots : [fixed];
}

/** Whether what was negotiated of a SOP class counts: of a service in both models that of the one which it goes by. */
export function isInForce(sopClassUid: string, contexts: Contexts<unknown>): boolean {
  for (const service of services) {
    const classes = rootedSopClasses[service];
    if (!Object.values(classes).includes(sopClassUid)) continue;
    return sopClassUid === classes[rootedContext(contexts, service)?.root ?? 'study'];
  }
  return true;
}
