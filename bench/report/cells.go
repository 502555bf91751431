package report

// The names of cells, by which goals find their figures.
const (
	CellGet1      = "GET d1"
	CellGet16     = "GET d16"
	CellA16       = "A d16"
	CellB16       = "B d16"
	CellB64       = "B d64"
	CellPut1      = "PUT d1"
	CellPut16     = "PUT d16"
	CellPut64     = "PUT d64"
	CellTenthOne  = "GET one 10 %"
	CellTenthGet  = "GET 10 %"
	CellTenthPut  = "PUT 10 %"
	CellHalf      = "A 50 %"
	CellSustained = "PUT sustained"
)
