/** The Action's post entry: gives back what main still holds and nothing else. */
import { runPost } from './host/action-post.ts';

void runPost(process);
