-- The stack that an app asks for, when it is neither of the two that `stack` can say: the name of a pair in DOZEN_STACKS.
ALTER TABLE apps ADD COLUMN stack_name TEXT;
