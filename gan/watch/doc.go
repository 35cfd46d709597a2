// Package watch shows a run in a browser, live:
//
//	page := watch.New(watch.Options{Title: "digits"})
//	url, err := page.Listen("localhost:8080")
//	if err != nil {
//		return err
//	}
//	defer page.Close()
//	fmt.Println("look at", url)
//	_, err = trainer.Fit(ctx, source, gan.Steps(2000), gan.On(page.Hook()))
//
// or in a server of your own, since a [Page] is a [net/http.Handler].
//
// The page shows samples of the same latent vectors as they were drawn in the course
// of training, with a slider through time; the losses; what the discriminator makes
// of real and of generated samples, as two histograms; the norms of the gradients by
// the weights and of D's by samples; how far samples are apart; how much a step
// changes the weights; what samples are worth, whenever the program has judged them
// ([Page.Judged]); speed, time left and memory; the configuration, both networks, and
// the program's commit. Above all that, sentences of package gan/diagnose say
// what it means; the hook finds them as it measures.
//
// # What it costs
//
// Training computes the same bits and waits for no browser. Measuring and drawing happen
// beside it, on copies, a hundred times in a run unless [Options] say otherwise; only if
// a measurement is not finished when the next is due does training wait for it. With
// the recipe for digits they take about a fiftieth of the processor's time; 200
// browsers take less than a hundredth of one core. Browsers get news twice a second, as
// server-sent events; one that is slow misses some and then gets everything again.
// One that comes late sees the whole run. However long it is, the page keeps 1,024
// points of each curve, 256 measurements and 64 pictures: when there are more, every
// two become one.
//
// # Who can look on
//
// By default, this machine. [Page.Listen] refuses addresses that others can reach,
// unless [Options] name them; ssh -L shows the page elsewhere. Requests under a name
// that is not this machine's are refused, so that no page in the user's browser can
// read it by DNS rebinding. Nothing can be changed: there is only GET and HEAD. The
// page is part of the program and loads nothing from elsewhere, which its content
// security policy tells the browser, too; it works without a network.
package watch
