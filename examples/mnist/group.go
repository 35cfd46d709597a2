package main

import (
	"context"
	"fmt"
	"os"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/mpi"
	"github.com/gander-ml/gander/gan/recipe"
)

// join makes this process a member of the group that mpirun has started; nil if
// there is none.
func join() (gan.Group, error) {
	if *group == "none" {
		return nil, nil
	}
	joined, err := mpi.Join()
	if err != nil {
		return nil, err
	}
	if joined.Rank() > 0 {
		name = fmt.Sprintf("mnist, process %d", joined.Rank())
	}
	if hint := mpi.Binding(); hint != "" && joined.Rank() == 0 {
		fmt.Fprintf(os.Stderr, "%s: %s\n", name, hint)
	}
	return joined, nil
}

// leave leaves the group, if there is one, after training: then all end together. A
// process that fails before ends without, by which mpirun knows to end the others.
func leave(group gan.Group) error {
	if group == nil {
		return nil
	}
	return group.Close()
}

// shard is the option of a loader for this process's part of every batch.
func shard(group gan.Group) datasets.LoaderOption {
	if group == nil {
		return datasets.Shard(0, 1)
	}
	return datasets.Shard(group.Rank(), group.Size())
}

// follow trains as any process but the first does: that one writes, prints, and has
// the state of a run that goes on.
func follow(ctx context.Context, trainer *gan.Trainer, loader *datasets.Loader, r recipe.Recipe, group gan.Group) error {
	_, err := trainer.Fit(ctx, loader, gan.Steps(r.Steps), gan.OnWarning(complain))
	if left := leave(group); err == nil {
		err = left
	}
	return err
}
