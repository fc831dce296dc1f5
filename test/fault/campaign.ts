/** Runs a scenario again and again, failing the first call, the second, … until one run meets no failure. */
import { FsError, isFsError } from '../../src/base/errors.ts';
import { World, type WorldOptions } from '../model/volume-world.ts';
import { Candidates } from './candidates.ts';
import type { Step } from '../model/steps.ts';
import { type Action, type Scenario, preparation, proof } from './scenarios.ts';

/** What fails, armed for one run; disposed of it fails no more. */
export interface Fault extends Disposable {
  readonly wrap?: WorldOptions['wrap'];
  /** What failed, once it has. */
  readonly failed: () => string | undefined;
}

export interface Campaign {
  readonly scenario: Scenario;
  readonly world: WorldOptions;
  readonly arm: (directory: string, failAt: number) => Fault;
  /** After this failure nothing can be written until the next start. */
  readonly lasting: (failed: string) => boolean;
  /** Steps that may fail. */
  readonly failures: number;
  /** From one failing call to the next that is tried. */
  readonly stride: number;
}

class Run {
  readonly #world: World;
  readonly #campaign: Campaign;
  readonly #candidates = new Candidates();
  #fault: Fault | undefined;
  #told = 0;

  constructor(world: World, campaign: Campaign) {
    this.#world = world;
    this.#campaign = campaign;
  }

  /** What failed; undefined when nothing did. */
  async play(failAt: number): Promise<string | undefined> {
    const world = this.#world;
    const { scenario, arm } = this.#campaign;
    await this.#act(preparation);
    if (scenario.abandoned === undefined) await world.stop();
    else {
      await this.#act(scenario.abandoned);
      await world.kill();
    }
    this.#candidates.closeAll();
    let failed: string | undefined;
    {
      using fault = arm(world.directory, failAt);
      this.#fault = fault;
      await this.#underFault(fault);
      failed = fault.failed();
    }
    this.#fault = undefined;
    await world.start();
    this.#candidates.closeAll();
    await this.#check();
    return failed;
  }

  async #underFault(fault: Fault): Promise<void> {
    const world = this.#world;
    try {
      await world.start(fault.wrap);
    } catch (error) {
      this.#mustBeTold(error);
      return;
    }
    await this.#act(this.#campaign.scenario.actions);
    const failed = fault.failed();
    if (failed !== undefined && !this.#campaign.lasting(failed)) {
      fault[Symbol.dispose]();
      this.#told = this.#campaign.failures;
      await this.#act(proof);
    }
    if (failed !== undefined && failed.length % 3 === 0) await world.kill();
    else await world.stop().catch((error: unknown) => this.#mustBeTold(error));
  }

  async #act(actions: readonly Action[]): Promise<void> {
    for (const action of actions) {
      if (typeof action === 'string')
        await this.#tend(action).catch((error: unknown) => this.#mustBeTold(error));
      else await this.#step(action);
    }
  }

  async #step(step: Extract<Action, object>): Promise<void> {
    const { value, code, ...rest } = await this.#world.run(step);
    const short = this.#mayFail() ? shortened(step, value) : undefined;
    if (short !== undefined) {
      this.#candidates.answered(short, step.op === 'copy' && value !== undefined ? { value } : {});
    } else if (code !== undefined && this.#mayFail() && ['EIO', 'ENOSPC'].includes(code)) {
      this.#told++;
      this.#candidates.failed(step);
    } else {
      const outcome = {
        ...(value === undefined ? {} : { value }),
        ...(code === undefined ? {} : { code }),
        ...rest,
      };
      this.#candidates.answered(step, outcome);
    }
  }

  /** A lasting failure fails all that follow. */
  #mayFail(): boolean {
    const failed = this.#fault?.failed();
    if (failed === undefined) return false;
    return this.#told < this.#campaign.failures || this.#campaign.lasting(failed);
  }

  #mustBeTold(error: unknown): void {
    if (this.#fault?.failed() === undefined || !isFsError(error)) throw error;
    if (!['EIO', 'ENOSPC'].includes(error.code))
      throw new FsError('EIO', 'with a wrong code', { cause: error });
    this.#told++;
  }

  async #tend(what: Extract<Action, string>): Promise<void> {
    const { volume, content, kv } = this.#world;
    switch (what) {
      case 'drain':
        return volume.drain();
      case 'settle':
        return content.settle();
      case 'collect':
        return this.#world.collect();
      case 'sync':
        return kv.sync();
    }
  }

  async #check(): Promise<void> {
    const state = await this.#world.state();
    const expected = this.#candidates.settle(state);
    if (expected.length > 0) {
      throw new Error(`there is ${text(state)}\nexpected ${expected.map(text).join('\n or ')}`);
    }
    const problems = await this.#world.problems();
    if (problems.length > 0) throw new Error(`fsck finds ${problems.join('; ')}`);
    await this.#act(proof);
  }
}

/** The step as it was carried out, where that is less than was asked. */
function shortened(step: Step, value: string | undefined): Step | undefined {
  const count = Number(/^wrote (\d+)$/.exec(value ?? '')?.[1]);
  if (step.op === 'pwrite' && count > 0) return { ...step, data: { ...step.data, length: count } };
  if (step.op === 'copy' && Number(value) < step.length) return { ...step, length: Number(value) };
  return undefined;
}

function text(state: ReadonlyMap<string, unknown>): string {
  return JSON.stringify([...state]);
}

/** The failures met, one a run; throws what went wrong after which. */
export async function campaign(options: Campaign): Promise<readonly string[]> {
  const met: string[] = [];
  for (let failAt = 1; ; failAt += options.stride) {
    await using world = await World.open({ ...options.world, kv: options.world.kv });
    let failed: string | undefined;
    try {
      failed = await new Run(world, { ...options }).play(failAt);
    } catch (error) {
      await world.stop().catch(() => undefined);
      throw new Error(
        `call ${failAt} of '${options.scenario.name}' (after ${met.at(-1) ?? 'none'}): ${String(error)}\n${world.errors.join('\n')}`,
        {
          cause: error,
        },
      );
    }
    if (failed === undefined) return met;
    met.push(failed);
  }
}
