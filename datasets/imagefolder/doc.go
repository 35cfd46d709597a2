// Package imagefolder reads a folder of pictures as a dataset.
//
//	set, err := imagefolder.Load(ctx, "photos", imagefolder.Options{Size: 32})
//	loader := datasets.NewLoader(set, 64, datasets.KeepShape())
//
// # What is read
//
// PNG, JPEG (CMYK too), GIF (the first picture), BMP and WebP, in whatever number
// of bits, from files with one of the names
//
//	.png  .jpg .jpeg .jpe .jfif  .gif  .bmp .dib  .webp
//
// in upper or lower case, in the folder and all folders below. The content says
// which format it is, not the name. Other files are passed over, and listed by
// [Set.Skipped]; hidden ones, and what systems leave behind, such as Thumbs.db,
// are not even listed. Links to files are followed, links to folders are not.
//
// # Classes
//
// The folders just below the one that is read are the classes: cats/1.png and
// cats/2021/2.png are both of the class "cats". If there are pictures in such
// folders, those that lie beside the folders have no class, and are passed over.
// If there are no folders, there are no classes.
//
// Or a text file has a line for each picture, its name and its class, with a
// comma, a semicolon, a tab or a space between ([Options.Labels]).
//
// Classes are in alphabetical order, or in that of numbers if all of their names
// are; samples are in the alphabetical order of their files' names.
//
// # How a picture becomes a sample
//
// It is turned as its EXIF orientation says. The largest square in its middle is
// cut out ([Crop]), or bars are put beside it ([Pad]). The square is shrunk or
// enlarged to Size×Size pixels by the Catmull-Rom filter, whose support grows with
// the pixels that become one, as that of Pillow's BICUBIC does; so nothing of a
// picture is left out by chance. What is transparent shows the background. A
// grey sample has the luma of ITU-R 601, .299 R + .587 G + .114 B. Each number is
// rounded to 0, 1, …, 255 and becomes a number on [−1, 1] as those of
// [datasets.Images] do. Colour profiles are ignored.
//
// # Files that cannot be used
//
// [Load] decodes every file once, on all cores, so that nothing is found out in the
// middle of a training. What is damaged, no picture at all, too large, or not
// readable, makes it return an [UnusableError] that lists all of these files with
// their reasons. With [Options.SkipUnusable] it goes on without them, and
// [Set.Unusable] lists them.
//
// Samples are kept in memory as long as they fit ([Options.Memory]): 350,000 of
// 32×32 in colour take a gigabyte. The others are decoded again whenever they are
// asked for, in the workers of the loader, and are an error if their file has
// changed.
//
// # Files from strangers
//
// A picture is refused before it is decoded if its header announces more pixels
// than [Options.MaxPixels], and no more than that many are decoded at once, in
// all goroutines together. Decoding takes up to 24 bytes for each. What is not a
// file, such as a pipe, is refused before it is opened.
package imagefolder
