// Package mpi lets many processes, on one machine or on many, train as one
// (gan.Config.Group), over the MPI that every cluster has. It needs the build tag mpi
// and cgo; without the tag it is pure Go, and Join returns an error.
//
//	group, err := mpi.Join()
//	if err != nil {
//		return err
//	}
//	defer group.Close()
//	config.Group = group
//	…
//	loader := datasets.NewLoader(images, batch, datasets.Shard(group.Rank(), group.Size()))
//
// N processes with a batch of B/N each train what one does with a batch of B. Each
// draws its part of the same latent vectors and penalties' random numbers, and one
// sum per network and step makes the gradients those of the whole batch. So all have
// the same weights, bit for bit, at every step, which is checked every 100 steps. Only
// rounding tells the result from that of a single process, since sums are divided in
// another way. Process 0 writes checkpoints, pictures and logs; whatever it has
// resumed from, the others take over from it, also if they are more or fewer than
// before.
//
// # Starting
//
// On one machine, with Open MPI (Debian: apt install libopenmpi-dev openmpi-bin) and
// one core for each process:
//
//	go build -tags mpi ./examples/mnist
//	mpirun -np 2 ./mnist -group mpi
//
// With more cores for each, --map-by slot:PE=4 binds four; --bind-to none leaves it to
// the system. mpirun binds a process to a single core by default if there are two or
// fewer: [Binding] notices that.
//
// With Slurm, requeued before its time is over:
//
//	sbatch --ntasks=16 --cpus-per-task=4 --requeue --signal=TERM@300 --wrap \
//		'srun --mpi=pmix ./mnist -group mpi -resume auto'
//
// On Kubernetes with Kubeflow's training operator:
//
//	apiVersion: kubeflow.org/v2beta1
//	kind: MPIJob
//	metadata:
//	  name: mnist
//	spec:
//	  slotsPerWorker: 1
//	  runPolicy:
//	    backoffLimit: 3
//	  mpiReplicaSpecs:
//	    Launcher:
//	      replicas: 1
//	      restartPolicy: OnFailure
//	      template:
//	        spec:
//	          containers:
//	          - name: launcher
//	            image: registry.example/mnist # with Open MPI and sshd
//	            command: [mpirun, --allow-run-as-root, --bind-to, none, -np, "4",
//	              /mnist, -group, mpi, -resume, auto, -out, /runs]
//	    Worker:
//	      replicas: 4
//	      template:
//	        spec:
//	          containers:
//	          - name: worker
//	            image: registry.example/mnist
//	            resources:
//	              limits: {cpu: 4}
//	            volumeMounts:
//	            - {name: runs, mountPath: /runs}
//	          volumes:
//	          - name: runs
//	            persistentVolumeClaim: {claimName: runs}
//
// For MPICH, add the build tag mpich.
//
// # Ending
//
// SIGTERM or SIGUSR1 at any process ends all after the same step (gan.Signals), with a
// checkpoint, and all exit with status 143. srun --signal and scancel --signal send it
// to the processes. mpirun passes SIGUSR1 on, and exits with 143 as they do. It answers
// SIGTERM and Ctrl-C by killing the processes a second after it has told them (Open
// MPI's parameter odls_base_sigkill_timeout), and exits with 1: small networks have
// saved by then, others go on from the last checkpoint, which is a second or so old
// (gan.Checkpoints). The same command line goes on.
//
// A process that fails in a step takes the others with it: none of them makes the
// update, each says which one it was, and process 0 saves. A device that fails when the
// others have all they need for the step is the exception: they have done it. If a process dies, by kill
// -9 or since its machine does, mpirun or srun ends the others; the last checkpoint is
// whole.
//
// MPI's calls come from one thread. Its handlers for crashes are turned off (Open MPI's
// parameter opal_signal), since Go has its own.
//
// Tested with Open MPI 4.1 on one machine. The lines for Slurm and Kubernetes, and MPICH,
// have not been run yet.
//
// bench/mpi has measured times and a model of how training scales.
package mpi

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Binding returns a sentence if this process may use a single core of a machine with
// more cores than processes of the group, as mpirun's default has it, and ""
// otherwise. It knows on Linux only.
func Binding() string {
	if runtime.NumCPU() > 1 {
		return ""
	}
	here := 1
	for _, name := range []string{"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"} { // of Open MPI and MPICH
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			here = max(here, n)
		}
	}
	online, err := os.ReadFile("/sys/devices/system/cpu/online")
	if err != nil {
		return ""
	}
	if n := count(strings.TrimSpace(string(online))); n > here {
		return fmt.Sprintf("this process is bound to one of %d cores; give it more with mpirun's --bind-to none, or --map-by slot:PE=N for N cores each", n)
	}
	return ""
}

// count returns how many numbers a list such as 0-3,8 has, 0 if it is none.
func count(list string) (n int) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, span := strings.Cut(part, "-")
		a, err := strconv.Atoi(first)
		if err != nil {
			return 0
		}
		b := a
		if span {
			if b, err = strconv.Atoi(last); err != nil {
				return 0
			}
		}
		n += b - a + 1
	}
	return n
}
