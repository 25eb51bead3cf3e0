-- What an app's image stands on, beside what it was built in (stack_image): the image id of the stack's run image.
ALTER TABLE builds ADD COLUMN run_image TEXT;
