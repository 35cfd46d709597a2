// Package rundir gives a run a folder of its own, so that one command line serves
// the first time and every time after:
//
//	folder, err := rundir.Open("runs/mnist", rundir.Options{Resume: rundir.Auto})
//	if err != nil {
//		return err
//	}
//	defer folder.Close()
//	if err := folder.Resume(trainer, gan.WithSource(loader)); err != nil {
//		return err
//	}
//	if _, err := trainer.Fit(ctx, loader, gan.Steps(2000), gan.On(folder.Hook())); err != nil {
//		return err
//	}
//	return folder.Finish()
//
// With [Auto] it continues the run in the folder, or starts one if there is none:
// after kill -9, a crash or a power cut the same command goes on. With [New], the
// default, a run that is there is moved aside as a whole, under a name with the
// time when it was started, and a line tells where it is and how to go on with it.
// Nothing is ever overwritten by repeating a command.
//
// While it is open, the folder is locked. A process that is dead holds no
// lock. Where the system or the file system has no such locks (js, wasip1,
// aix, solaris), two runs at once in one folder are not noticed. The folder holds
// checkpoints, in "checkpoints", which gan.Checkpoints keeps, and "run.json", which
// says when and by which command the run was started. Whether there is something to
// continue is found by looking at the checkpoints.
package rundir
