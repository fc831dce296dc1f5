/** Every entity, in memory: what lookups of the registry answer from. */
import { FsError } from '../base/errors.ts';
import { shown } from './names.ts';
import { NameTable } from './name-table.ts';
import type { Agent, Entity, EntityKind, Group, User, Zone } from './types.ts';

interface Inside {
  readonly name: string;
  readonly zone: Zone;
  readonly user: NameTable<User>;
  readonly group: NameTable<Group>;
  readonly agent: NameTable<Agent>;
}

export class Entities {
  readonly #zones = new NameTable<Inside>();

  get zones(): NameTable<Inside> {
    return this.#zones;
  }

  /** What is in a zone; ENOENT when there is none of this name. */
  inside(zone: string): Inside {
    const found = this.#zones.get(zone);
    if (found === undefined) throw new FsError('ENOENT', `there is no zone ${shown(zone)}: create it first`);
    return found;
  }

  get(kind: EntityKind, zone: string, name: string): Entity | undefined {
    const inside = this.#zones.get(zone);
    return kind === 'zone' ? inside?.zone : inside?.[kind].get(name);
  }

  /** Adds or replaces; the zone of what is in one comes first. */
  set(entity: Entity): void {
    switch (entity.kind) {
      case 'zone':
        this.#zones.set({
          name: entity.name,
          zone: entity,
          user: new NameTable(),
          group: new NameTable(),
          agent: new NameTable(),
        });
        break;
      case 'user':
        this.inside(entity.zone).user.set(entity);
        break;
      case 'group':
        this.inside(entity.zone).group.set(entity);
        break;
      case 'agent':
        this.inside(entity.zone).agent.set(entity);
        break;
    }
  }

  /** Forgets it; a zone goes with all that is in it. */
  delete({ kind, zone, name }: Entity): void {
    if (kind === 'zone') this.#zones.delete(zone);
    else this.#zones.get(zone)?.[kind].delete(name);
  }

  agentsOf(zone: string, user: string): Agent[] {
    const inside = this.#zones.get(zone);
    return inside === undefined ? [] : [...inside.agent.values()].filter((agent) => agent.user === user);
  }
}
