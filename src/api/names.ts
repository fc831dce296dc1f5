/** The shapes of names in the input of operations: subjects, objects, zones. */
import { z } from 'zod';

/** `type:id` of somebody who may mount: as registered, so no signs that mean something in tuples and paths. */
export const subjectShape = z
  .string()
  .max(320)
  .regex(
    /^[a-z][a-z0-9_-]{0,63}:[^\s\p{C}/:#*]{1,256}$/u,
    'a subject looks like user:alice or agent:builder',
  );

export const zoneName = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'a zone is a name of letters, digits, dots and dashes');

/** The zone an operation is about. */
export const zoneShape = zoneName.default('default');

/** What was typed for a type: whether the model has it is told by who knows the model. */
const typeShape = z.string().min(1).max(254);

/** Paths are the longest names there are. */
const nameShape = z.string().min(1).max(4096);

export const namedShape = z.object({ type: typeShape, name: nameShape });

export const relationShape = z.string().min(1).max(254);

/** A name that is registered; the registry says what is wrong with it. */
export const registeredShape = z.string().min(1).max(1024);
