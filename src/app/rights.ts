/** The part of the program that knows who may do what: registry, tuples, the authorizer made of them. */
import { Access } from '../access/access.ts';
import { type Caller, rememberedAs } from '../base/caller.ts';
import { isFsError } from '../base/errors.ts';
import { root } from '../fs/types.ts';
import type { FileSystem } from '../fs/types.ts';
import { DEFAULT_ZONE, Registry } from '../identity/registry.ts';
import type { EntityChange } from '../identity/types.ts';
import type { KvStore } from '../kv/types.ts';
import { PathSearch } from '../vfs/path-of.ts';
import type { TreeFiles } from '../vfs/files.ts';
import { Authority } from './authority.ts';
import { administratorsOf } from './identity.ts';
import { logBug } from './log.ts';
import { forget, LocalIdentities } from './identities.ts';
import { Viewer } from './names.ts';
import { LocalPermissions } from './permissions.ts';
import { Questions } from './questions.ts';
import { Zones } from './zones.ts';

export interface Rights {
  readonly access: Access;
  readonly authority: Authority;
  readonly identities: LocalIdentities;
  /** `dismiss` is awaited before a name that was deleted can be registered again. */
  whenDeleted(dismiss: (subject: string, zone: string) => Promise<void>): void;
  /** `files` resolves paths for callers: it must be guarded. */
  permissions(files: TreeFiles): LocalPermissions;
}

/** Nobody waits for what ends by itself, nor for what is forgotten after a removal. */
const failed = (error: unknown): void => {
  logBug('keeping rights true', error);
};

/** Everything in the tree belongs to the zone that always exists. */
const zoneOf = (): string => DEFAULT_ZONE;

/** Who made what, as the tree remembers it. */
interface Makers {
  disown(subject: string): Promise<void>;
  welcome(subject: string): void;
}

/** What a name made is not for whoever gets it next. */
async function disown(makers: Makers, changes: readonly EntityChange[]): Promise<void> {
  for (const { kind, entity } of changes) {
    const maker = rememberedAs({ subject: `${entity.kind}:${entity.name}`, zone: entity.zone });
    if (kind === 'deleted') await makers.disown(maker);
    if (kind === 'created') makers.welcome(maker);
  }
}

/** `tree` is not guarded. */
export async function openRights(kv: KvStore, tree: FileSystem, makers?: Makers): Promise<Rights> {
  const registry = await Registry.open({ kv });
  const zones = new Zones(kv, registry);
  const administrators = administratorsOf(process.getuid?.() ?? 0);
  const isAdmin = (subject: string): boolean => administrators.has(subject);
  const access = await Access.open({ tree, root, zones, registry, admins: isAdmin, zoneOf, failed });
  registry.subscribe((changes) => forget(zones, changes));
  if (makers) registry.subscribe((changes) => disown(makers, changes));
  await registry.settle();
  const questions = new Questions({ access, registry, isAdmin });
  const authority = new Authority({
    registry,
    isAdmin,
    ownsNode: (caller, node) => access.allows(caller, 'own', node),
    has: async (zone, subject, relation, object) => {
      try {
        return await questions.check(zone, { object, relation, subject });
      } catch (error) {
        if (isFsError(error)) return false;
        throw error;
      }
    },
  });
  const identities = new LocalIdentities({ registry, zones, authority });
  const viewer = (caller: Caller): Viewer => {
    const search = new PathSearch(tree);
    return new Viewer(async (node) =>
      (await access.allows(caller, 'see', node)) ? search.path(node) : undefined,
    );
  };
  return {
    access,
    authority,
    identities,
    whenDeleted: (dismiss) => {
      registry.subscribe(async (changes) => {
        for (const { kind, entity } of changes)
          if (kind === 'deleted') await dismiss(`${entity.kind}:${entity.name}`, entity.zone);
      });
    },
    permissions: (files) =>
      new LocalPermissions({ zones, authority, questions, files, tree, zoneOf, viewer }),
  };
}
